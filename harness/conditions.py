"""Under which conditions a run was measured, and what differs between two: numbers compare only like with like.

Conditions fall into dimensions. One dimension may differ between two runs, for that is what a comparison asks about:
the model, the device, the runtime. What follows from it is no difference of its own (another model is another file).
Anything else that differs makes the comparison meaningless, unless the user says that it is meant.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from latency_bench.harness.store.record import RunRecord

DIMENSIONS = (
    "model",
    "device",
    "runtime",
    "precision",
    "batch",
    "resolution",
    "threads",
    "system",
    "protocol",
    "artifact",
)
"""In the order in which one of them is taken for what is asked about."""

IMPLIED = {
    "model": ("resolution", "artifact"),
    "device": ("system", "artifact", "threads"),
    "runtime": ("artifact",),
    "precision": ("artifact",),
    "batch": ("artifact",),
    "resolution": ("artifact",),
}
"""What naturally differs with a dimension."""


@dataclass(frozen=True)
class Differences:
    """What two runs differ in."""

    question: str | None
    """The dimension that the comparison asks about; None where nothing differs."""
    details: tuple[str, ...]
    """What differs in it, for people."""
    obstacles: tuple[str, ...]
    """What else differs: the comparison would answer several questions at once."""


def conditions(record: RunRecord) -> dict[str, dict[str, Any]]:
    """Fields that can change a latency, by dimension. A field that is not known is absent."""
    linux = record.device.fingerprint.get("linux")
    hardware: dict[str, Any] = linux if isinstance(linux, dict) else {}
    cpu = hardware.get("cpu")
    runtime = record.runtime
    options = dict(runtime.options) if runtime else {}
    threads = options.pop("threads", None)
    rounds = record.rounds
    said = runtime.facts.get("gpu") if runtime else None
    gpu: dict[str, Any] = said if isinstance(said, dict) else {}
    found: dict[str, dict[str, Any]] = {
        "model": {"id": record.model.id, "output": record.model.output},
        "device": {
            "name": record.device.name,
            **(
                {f"cpu {key}": cpu.get(key) for key in ("model", "family_model_stepping", "logical_cpus")}
                if isinstance(cpu, dict)
                else {}
            ),
            "memory": hardware.get("memory_total_bytes"),
            "GPU": gpu.get("name"),
            "virtualised": hardware.get("virtualised"),
        },
        "runtime": {
            "name": runtime.name if runtime else None,
            "package": runtime.facts.get("package") if runtime else None,
            "version": runtime.version if runtime else None,
            **options,
        },
        "precision": {"precision": record.model.precision},
        "batch": {"batch": record.model.batch},
        "resolution": {"resolution": "x".join(map(str, record.model.resolution))},
        "threads": {"threads": threads, "cores": _count(rounds[0].facts.get("cpus")) if rounds else None},
        "system": {
            **{key: _plain(hardware.get(key)) for key in ("kernel", "frequency", "transparent_hugepages")},
            "GPU driver": gpu.get("driver"),
        },
        "protocol": {
            "name": record.protocol.get("name"),
            "warmup": _plain(record.protocol.get("warmup")),
            # An inference alone and a whole request are not the same quantity.
            "latency covers": record.summary.latency_covers if record.summary else None,
        },
        "artifact": {"sha256": record.artifact.sha256[:12] if record.artifact else None},
    }
    return {
        name: {field: value for field, value in fields.items() if value is not None} for name, fields in found.items()
    }


def differences(a: RunRecord, b: RunRecord, across: Collection[str] = ()) -> Differences:
    """What differs between two runs. `across` names further dimensions whose difference is meant."""
    in_a, in_b = conditions(a), conditions(b)
    found = {name: _fields(in_a[name], in_b[name]) for name in DIMENSIONS if in_a[name] != in_b[name]}
    question = next((name for name in DIMENSIONS if name in found and name not in across), None)
    # Where the user has named the question, anything beyond it is in the way.
    asked = {name for name in across if name in found} if across else {question} if question else set()
    natural = {implied for name in asked for implied in IMPLIED.get(name, ())}
    obstacles = [text for name, texts in found.items() if name not in asked | natural for text in texts]
    details = [text for name in DIMENSIONS if name in asked for text in found[name]]
    return Differences(" and ".join(sorted(asked)) or None, tuple(details), tuple(obstacles))


def _fields(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    names = [*a, *(name for name in b if name not in a)]
    return [
        f"{name} {a.get(name, 'unknown')} against {b.get(name, 'unknown')}"
        for name in names
        if a.get(name) != b.get(name)
    ]


def _count(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else None


def _plain(value: Any) -> str | None:
    """Nested facts as one comparable text."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={value[key]}" for key in sorted(value))
    return None if value is None else str(value)
