"""The seeded inputs as files that trtexec loads: the same values that the reference outputs were computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench_worker.inputs import generate, in_artifact_layout
from bench_worker.job import InputTensor
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import Transport


def shape_flags(inputs: Sequence[dict[str, Any]], resized: Sequence[str]) -> list[str]:
    """The sizes of inputs that the file leaves open, for building and for measuring alike: trtexec makes an
    optimisation profile of them alone. Raises WorkerError for a name that its flag cannot have."""
    parts = []
    for described in inputs:
        if described["name"] in resized:
            _check_name(described["name"])
            parts.append(f"{described['name']}:{'x'.join(map(str, described['shape']))}")
    return [f"--shapes={','.join(parts)}"] if parts else []


def _check_name(name: str) -> None:
    # Both are separators of the flags.
    if any(character in name for character in ",:"):
        raise WorkerError("bad-request", f"trtexec cannot be given an input called {name!r}")


def push_inputs(transport: Transport, inputs: Sequence[dict[str, Any]]) -> str:
    """Bring the inputs there; returns the flag that names them. The same content is not carried twice."""
    parts = []
    for index, described in enumerate(inputs):
        _check_name(described["name"])
        tensor = InputTensor(**{**described, "shape": tuple(described["shape"])})
        values = in_artifact_layout(generate(tensor), tensor.layout)
        file_name = f"input{index}.bin"
        with TemporaryFolder("input") as folder:
            file = folder / file_name
            file.write_bytes(values.tobytes())
            # By its name alone: commands run in the session's folder.
            transport.push(file, file_name)
        parts.append(f"{described['name']}:{file_name}")
    return f"--loadInputs={','.join(parts)}"
