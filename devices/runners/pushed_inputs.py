"""The inputs of requests as files on a device, for programs that read the bytes of a tensor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench_worker.inputs import generate, in_artifact_layout
from bench_worker.job import InputTensor
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import Transport


@dataclass(frozen=True)
class PushedInput:
    """One tensor as the artifact takes it; `path` is the file on the device."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    path: str


@contextlib.contextmanager
def pushed_inputs(transport: Transport, inputs: Sequence[Mapping[str, Any]]) -> Iterator[list[PushedInput]]:
    """The seeded inputs of a job, or those that it names files for, which are on the device meanwhile. They are made
    here and pushed like any file, so that a second run carries nothing."""
    pushed: list[PushedInput] = []
    brought: list[str] = []
    with TemporaryFolder("inputs") as folder:
        for index, entry in enumerate(inputs):
            tensor = InputTensor(**{**entry, "shape": tuple(entry["shape"])})
            values = in_artifact_layout(generate(tensor), tensor.layout)
            local = folder / f"input{index}.bin"
            values.tofile(local)
            there = transport.push(local, local.name)
            pushed.append(PushedInput(tensor.name, values.shape, tensor.dtype, there))
            brought += [there] if tensor.values is not None else []
        try:
            yield pushed
        finally:
            # Of images there may be more than a phone has room for; what is seeded stays for the next run.
            with contextlib.suppress(DeviceError):
                transport.remove(brought)
