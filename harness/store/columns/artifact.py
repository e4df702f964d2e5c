"""The file that the runtime loaded, and what it made of it."""

from __future__ import annotations

import math
from typing import Any

from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.units import NS_PER_MS

_BYTES_OF = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "int16": 2}


def io_bytes(inputs: Any, outputs: Any) -> int | None:
    """Bytes of the tensors that a record lists; None where it lists none on one side, or says what cannot be."""
    total = 0
    for tensors in (inputs, outputs):
        if not isinstance(tensors, list) or not tensors:
            return None
        for tensor in tensors:
            shape, dtype = (tensor.get("shape"), tensor.get("dtype")) if isinstance(tensor, dict) else (None, None)
            if not isinstance(shape, list) or not all(isinstance(size, int) and size > 0 for size in shape):
                return None
            total += math.prod(shape) * _BYTES_OF.get(str(dtype), 1)
    return total


def _load_ms(load_ns: list[Any] | None) -> float | None:
    """Median of the rounds; None unless every round tells."""
    if not load_ns or not all(isinstance(one, (int, float)) for one in load_ns):
        return None
    import statistics

    return float(statistics.median(load_ns)) / NS_PER_MS


COLUMNS = (
    Column(
        "artifact_format",
        "onnx, tflite, pt2; null where the run failed before.",
        "text",
        ("artifact.format",),
        title="file format",
    ),
    Column(
        "artifact_sha256",
        "SHA-256 of the file that the runtime loaded.",
        "text",
        ("artifact.sha256",),
        title="SHA-256 of the file",
    ),
    Column(
        "artifact_bytes",
        "Size of the file that the runtime loaded.",
        "integer",
        ("artifact.size_bytes",),
        title="file size",
        unit="bytes",
        short="file_size",
        better="lower",
        exact=True,
    ),
    Column(
        "io_bytes",
        "Bytes of a request's inputs and outputs, as the file has them; null where it does not tell.",
        "integer",
        ("artifact.facts.inputs", "artifact.facts.outputs"),
        io_bytes,
        title="inputs and outputs",
        unit="bytes",
    ),
    Column(
        "engine_bytes",
        "Size of the engine that the runtime built from the file; null where it builds none.",
        "integer",
        ("runtime.facts.engine.size_bytes",),
        title="engine size",
        unit="bytes",
        short="engine_size",
        better="lower",
        pooled="largest",
    ),
    Column(
        "load_ms",
        "Time for loading the file, building an engine included: median of the rounds, the runtime's import left out. "
        "Empty for pairs whose sides loaded at the same time.",
        "number",
        ("rounds.facts.load_ns",),
        _load_ms,
        title="load time",
        unit="ms",
        short="load_time",
        better="lower",
        pooled="median",
    ),
)
