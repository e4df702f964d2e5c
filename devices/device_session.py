"""DeviceSession: the one seam that the harness sees of where things run.

It binds a device's transport, runner and probes together for as long as one benchmark lasts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

from bench_worker.files import file_sha256
from bench_worker.runtime.declaration import RuntimeDeclaration
from latency_bench.devices.checks import Check, general_checks, guarded
from latency_bench.devices.device import Device
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.locking import DeviceBusyError, FileLock, Holder, lock_device_here
from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.probes.readings import TEMPERATURE
from latency_bench.devices.runners.alternation import AlternatingRunner, AlternatingSide, Alternation, Turns
from latency_bench.devices.runners.base import Deployment, Profile, ProgressHandler, RoundJob, RoundResult, Runner
from latency_bench.devices.runners.batch import AnswersHandler, Batch
from latency_bench.devices.settings import settings_by_probe
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.base import apply_all


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

    def runtime(self, name: str) -> type[RuntimeDeclaration]:
        """What a runtime declares; raises InventoryError for one that the device's runner does not offer."""
        return self._runner.runtime(name)

    def artifact_precision(self, runtime: str, precision: str) -> str:
        """The precision that the artifact itself has to carry, so that `runtime` computes in `precision`."""
        return self._runner.artifact_precision(self._transport, runtime, precision)

    def check_runtime(self, runtime: str, options: Mapping[str, Any]) -> None:
        """Raises DeviceError, with what is missing, where the device cannot make this runtime with these options."""
        self._runner.check_runtime(self._transport, runtime, options)

    def check_image_library(self, library: str) -> None:
        """Raises DeviceError, with what is missing, where photographs cannot be decoded there with this library."""
        self._runner.check_image_library(self._transport, library)

    def available_cpus(self) -> tuple[int, ...]:
        """Cores that a measuring process may be pinned to."""
        return self._runner.available_cpus(self._transport)

    def fingerprint(self) -> dict[str, Any]:
        """What the machine is: one key a probe, nothing guessed; and what was `tuned`."""
        facts = {probe.name: probe.fingerprint(self._transport) for probe in self._probes}
        return {**facts, **({"tuned": self._tuned} if self._tuned else {})}

    def checks(self) -> Iterator[Check]:
        """What `bench devices doctor` looks at, one after the other."""
        yield from general_checks(self._transport)
        yield from guarded(
            self._runner.name,
            self._runner.checks(self._transport, self.device.runtime, self.device.runtime_options),
        )
        asked = settings_by_probe(self.device.name, self.device.settings, self._probes)
        for probe in self._probes:
            yield from guarded(probe.name, probe.checks(self._transport, asked[probe.name]))

    def tune(self) -> None:
        """Set what the device is to be measured with, such as its power mode; the session's end puts it back.

        Raises InventoryError for a setting that no probe of the device has, DeviceError where it cannot be set.
        """
        asked = settings_by_probe(self.device.name, self.device.settings, self._probes)
        operations = [operation for probe in self._probes for operation in probe.tuning(asked[probe.name])]
        self._tuned = apply_all(self._transport, operations)

    def read(self) -> list[Reading]:
        """How the machine feels now: clocks, temperatures, load, each with its time and unit."""
        now_ns = time.time_ns()
        return [reading.at(now_ns) for probe in self._probes for reading in probe.read(self._transport)]

    @property
    def cool_c(self) -> float | None:
        """What counts as cool on this device; None where no probe says."""
        return min((probe.cool_c for probe in self._probes if probe.cool_c is not None), default=None)

    def heat_c(self) -> list[float]:
        """Temperatures, now, of what a measurement heats."""
        return [
            reading.value
            for probe in self._probes
            for reading in probe.read(self._transport)
            if reading.quantity == TEMPERATURE.name and probe.is_heat(reading)
        ]

    def deploy(self, artifact: Path, sha256: str, external_data: Iterable[Path] = ()) -> Deployment:
        """Bring an artifact to the device, and the files that have to lie beside it; what is there already, by hash, is
        not carried again."""
        external_sha256 = {}
        for number, file in enumerate(external_data):
            digest = file_sha256(str(file))
            self._transport.content_is(file, digest)
            name = file.relative_to(artifact.parent).as_posix()
            self._push_beside(file, name, f"beside-{number}")
            external_sha256[name] = digest
        deployment = self._runner.deploy(self._transport, artifact, sha256)
        return replace(deployment, external_sha256=external_sha256)

    def _push_beside(self, file: Path, name: str, plain: str) -> None:
        """To where the model looks for it: a name of any letters, in a folder below the model's perhaps."""
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            self._transport.push(file, name)
            return
        pushed = self._transport.push(file, plain)
        if Path(pushed) == file.resolve():
            return
        place = PurePosixPath(self._transport.workdir) / name
        for words in (["mkdir", "-p", str(place.parent)], ["ln", "-f", pushed, str(place)]):
            done = self._transport.run(words, timeout_s=60)
            if done.returncode != 0:
                raise DeviceError(f"{name} cannot be placed beside the model: {done.stderr.strip()[-200:]}")

    def measure(
        self, deployment: Deployment, request: RoundJob, outputs_to: Path, on_progress: ProgressHandler
    ) -> RoundResult:
        """One round in a fresh process. Raises WorkerError when the measuring process reports an error or dies."""
        return self._runner.measure(self._transport, deployment, request, outputs_to, on_progress)

    @property
    def batch_bytes(self) -> int:
        """How many bytes of inputs a batch of `answer` should have."""
        return self._runner.BATCH_BYTES

    def answer(
        self, deployment: Deployment, job: RoundJob, batches: Iterator[Batch], on_answers: AnswersHandler
    ) -> None:
        """Give the device batches of requests, which are made while it computes, and hand on their outputs, batch by
        batch. Raises as `measure`, NoOutputsError where the runner has no outputs to give, and what `batches` raises,
        which may be iterated in another thread."""
        self._runner.answer(self._transport, deployment, job, batches, on_answers)

    def profile(self, deployment: Deployment, job: RoundJob, requests: int) -> Profile:
        """Times by layer, in a process of its own. Raises as `measure`, and InventoryError where the runner cannot."""
        return self._runner.profile(self._transport, deployment, job, requests)

    @property
    def alternates(self) -> bool:
        """Whether several artifacts can live on the device at once and take turns by request."""
        return isinstance(self._runner, AlternatingRunner)

    def alternate(
        self, sides: Sequence[AlternatingSide], turns: Turns, outputs_to: Path, on_progress: ProgressHandler
    ) -> Alternation:
        """One set of fresh processes, one a side, that take turns; each side's outputs go into the folder `outputs_to`.

        Only where the device `alternates`. Raises SideError for a side that fails, WorkerError where the alternation
        itself does.
        """
        assert isinstance(self._runner, AlternatingRunner)
        return self._runner.alternate(self._transport, sides, turns, outputs_to, on_progress)

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
