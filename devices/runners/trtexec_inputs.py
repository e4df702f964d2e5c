"""The seeded inputs as files that trtexec loads: the same values that the reference outputs were computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench_worker.inputs import generate, in_artifact_layout
from bench_worker.job import InputTensor
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import Transport


def push_inputs(transport: Transport, inputs: Sequence[dict[str, Any]]) -> str:
    """Bring the inputs there; returns the flag that names them. The same content is not carried twice."""
    parts = []
    for index, described in enumerate(inputs):
        # Both are separators of the flag.
        if any(character in described["name"] for character in ",:"):
            raise WorkerError("bad-request", f"trtexec cannot be given an input called {described['name']!r}")
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
