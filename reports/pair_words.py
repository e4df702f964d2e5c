"""The sides of a pair in words: each by its model, and by what tells it from the other one."""

from __future__ import annotations

from latency_bench.harness.store.record import RunRecord


def side_words(side: RunRecord, other: RunRecord) -> str:
    """`b1-seg onnxruntime threads=2`."""
    parts = [side.model.id]
    own, others = side.runtime, other.runtime
    if own is not None and others is not None:
        if (own.name, own.version) != (others.name, others.version):
            parts.append(own.name if own.name != others.name else f"{own.name} {own.version}")
        parts += [f"{name}={value}" for name, value in own.options.items() if others.options.get(name, value) != value]
    if side.model.precision != other.model.precision:
        parts.append(side.model.precision)
    if side.model.batch != other.model.batch:
        parts.append(f"batch {side.model.batch}")
    if side.model.resolution != other.model.resolution:
        parts.append("x".join(map(str, side.model.resolution)))
    return " ".join(parts)
