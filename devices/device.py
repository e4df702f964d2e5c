"""Device and its session: the one seam that the harness sees of where things run.

A device is a composition of a transport (how to reach it), a runner (what executes there) and probes (what it is). The
session binds the three together for as long as one benchmark lasts.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench_worker.files import file_sha256
from latency_bench.devices.checks import Check, checks
from latency_bench.devices.locking import DeviceBusyError, FileLock, Holder, lock_device_here
from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.runners.base import Deployment, ProgressHandler, RoundJob, RoundResult, Runner
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.trtexec_options import TrtexecOptions
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.transports.ssh_options import SshOptions
from latency_bench.devices.tuning.base import Operation, apply_all
from latency_bench.devices.tuning.jetson import LockedClocks, PowerMode
from latency_bench.devices.tuning.nvidia import LockedGpuClocks


class Device(BaseModel):
    """One entry of devices.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")
    transport: str = "local"
    runner: str = "worker"
    probes: tuple[str, ...] = ("linux",)
    runtime: str = "litert"
    """Runtime used when the command line names none."""
    runtime_options: dict[str, Any] = Field(default_factory=dict)
    """Further options of the runtime, as the worker's runtime documents them."""
    threads: int = Field(default=1, ge=1)
    """Threads of a CPU runtime. One thread on one core is what reproduces best, so it is the default."""
    cpus: tuple[int, ...] | None = None
    """Cores that the measuring process is pinned to; by default the last `threads` of those available."""
    python: tuple[str, ...] | None = None
    """Command that starts Python on the device, e.g. [/opt/venv/bin/python]; by default the one bench runs with."""
    onnx_opset: int | None = None
    """Opset of exported ONNX files, where the device's runtime wants another than the model's own."""
    adb: AdbOptions = Field(default_factory=AdbOptions)
    """Which Android device, and over which link, for `transport: adb`."""
    benchmark_model: BenchmarkModelOptions = Field(default_factory=BenchmarkModelOptions)
    """TFLite's benchmark tool on the device, for `runner: benchmark_model`."""
    ssh: SshOptions | None = None
    """Which host, and how it is reached, for `transport: ssh`."""
    trtexec: TrtexecOptions = Field(default_factory=TrtexecOptions)
    """TensorRT's benchmark tool on the device, for `runner: trtexec`."""
    power_mode: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,39}$")
    """Power mode of a Jetson that runs are measured in (`nvpmodel`), put back afterwards; by default as it is."""
    lock_clocks: bool = False
    """Lock the clocks of a Jetson (`jetson_clocks`) or NVIDIA GPU while measuring, and put them back afterwards."""

    @model_validator(mode="after")
    def _reachable(self) -> Device:
        if self.transport == "ssh" and self.ssh is None:
            raise ValueError("transport ssh needs `ssh`, with at least `host`")
        return self


class DeviceSession:
    """An open device: deploy an artifact, measure rounds, read how the machine feels. Use as a context manager."""

    def __init__(self, device: Device, transport: Transport, runner: Runner, probes: list[Probe]) -> None:
        self.device = device
        self._transport = transport
        self._runner = runner
        self._probes = probes
        self._tuned: dict[str, Any] = {}
        self._lock: FileLock | None = None

    def __enter__(self) -> DeviceSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def lock(self, what: str) -> None:
        """Have the device alone until this session ends; `what` tells others what it is needed for.

        Raises DeviceBusyError, which says who has it, and DeviceError where it cannot be locked.
        """
        holder = Holder.here(what)
        here = lock_device_here(self.device.name, holder, shared=self._transport.locks_there)
        try:
            self._transport.lock(holder)
        except DeviceBusyError as error:
            here.release()
            raise DeviceBusyError(self.device.name, error.holder) from None
        except BaseException:
            here.release()
            raise
        self._lock = here

    def check_lock(self) -> None:
        """Before something is measured. Raises DeviceError where the device is not ours alone any more."""
        self._transport.check_lock()

    def artifact_format(self, runtime: str) -> str:
        """File format that `runtime` loads (`tflite`, `onnx`, `pt2`); raises InventoryError for an unknown runtime."""
        return self._runner.artifact_format(runtime)

    def artifact_precision(self, runtime: str, precision: str) -> str:
        """The precision that the artifact itself has to carry, so that `runtime` computes in `precision`."""
        return self._runner.artifact_precision(self._transport, runtime, precision)

    def available_cpus(self) -> tuple[int, ...]:
        """Cores that a measuring process may be pinned to."""
        return self._runner.available_cpus(self._transport)

    def fingerprint(self) -> dict[str, Any]:
        """What the machine is: one key a probe, nothing guessed; and what was `tuned`."""
        facts = {probe.name: probe.fingerprint(self._transport) for probe in self._probes}
        return {**facts, **({"tuned": self._tuned} if self._tuned else {})}

    def checks(self) -> Iterator[Check]:
        """What `bench devices doctor` looks at, one after the other."""
        return checks(self.device, self._transport)

    def tune(self) -> None:
        """Set the power mode and clocks that the device is to be measured with; the session's end puts them back.

        Raises DeviceError where that is not possible.
        """
        operations: list[Operation] = []
        # The mode first: it decides which clocks there are to be locked.
        if self.device.power_mode is not None:
            operations.append(PowerMode(self.device.power_mode))
        if self.device.lock_clocks:
            operations.append(LockedGpuClocks() if "nvidia" in self.device.probes else LockedClocks())
        self._tuned = apply_all(self._transport, operations)

    def read(self) -> list[Reading]:
        """How the machine feels now: clocks, temperatures, load, each with its time and unit."""
        now_ns = time.time_ns()
        return [reading.at(now_ns) for probe in self._probes for reading in probe.read(self._transport)]

    def deploy(self, artifact: Path, sha256: str, external_data: Iterable[Path] = ()) -> Deployment:
        """Bring an artifact to the device, and the files that have to lie beside it; what is there already, by hash, is
        not carried again."""
        external_sha256 = []
        for file in external_data:
            digest = file_sha256(str(file))
            self._transport.content_is(file, digest)
            self._transport.push(file, file.name)
            external_sha256.append(digest)
        deployment = self._runner.deploy(self._transport, artifact, sha256)
        return replace(deployment, external_sha256=tuple(external_sha256))

    def measure(
        self, deployment: Deployment, request: RoundJob, outputs_to: Path, on_progress: ProgressHandler
    ) -> RoundResult:
        """One round in a fresh process. Raises WorkerError when the measuring process reports an error or dies."""
        return self._runner.measure(self._transport, deployment, request, outputs_to, on_progress)

    def close(self) -> None:
        try:
            for probe in self._probes:
                probe.close()
        finally:
            try:
                self._transport.close()
            finally:
                if self._lock is not None:
                    self._lock.release()
