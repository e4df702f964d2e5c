"""The worker runner: our own measuring process on the device, one fresh process a round."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from bench_worker.files import file_sha256
from bench_worker.runtime.base import LayerTime
from bench_worker.runtime.declaration import BUILDER_FLAG, RuntimeDeclaration
from bench_worker.runtime.packages import version_numbers
from latency_bench.devices.checks import Check, guarded
from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.numerals import count
from latency_bench.devices.runners.base import (
    Deployment,
    Profile,
    Progress,
    ProgressHandler,
    RoundJob,
    RoundResult,
    Runner,
)
from latency_bench.devices.runners.worker_checks import python_checks
from latency_bench.devices.runners.worker_events import Checked, Event, Loaded, ProgressEvent, protocol_error
from latency_bench.devices.runners.worker_files import push_worker
from latency_bench.devices.runners.worker_round import WorkerRound
from latency_bench.devices.runtimes import third_party_entry, worker_runtime, worker_runtime_names
from latency_bench.devices.transports.base import Completed, LineHandler, Transport

_VERSION = "import importlib, sys; print(importlib.import_module(sys.argv[1]).__version__)"
_CHECK_S = 300.0
"""Longer than any package takes to import, on the slowest card of a small board."""
_LESS_MEMORY = "choose a smaller model, --resolution or --batch, or free memory on the device"
_OUT_OF_MEMORY_WORDS = ("std::bad_alloc", "Cannot allocate memory", "Memory allocation still failed", "MemoryError")


class WorkerRunner(Runner):
    name = "worker"

    def __init__(self, python: Sequence[str] | None = None) -> None:
        self._python = tuple(python) if python else (sys.executable,)
        self._programs: dict[str, str] = {}
        """Of the worker on the device, by runtime."""

    @classmethod
    def runtime_names(cls) -> list[str]:
        return worker_runtime_names()

    @classmethod
    def runtime(cls, name: str) -> type[RuntimeDeclaration]:
        return worker_runtime(name)

    def artifact_precision(self, transport: Transport, runtime: str, precision: str) -> str:
        declared = self.runtime(runtime)
        if declared.TYPED_SINCE is None or declared.PRECISIONS.get(precision) != BUILDER_FLAG:
            return precision
        # Only the device knows whether its version asks the builder or takes the types of the file.
        module = declared.MODULES[0][0]
        completed = transport.run([*self._python, "-c", _VERSION, module], timeout_s=120)
        # Where that fails the worker will say what is missing, and how to get it.
        version = _last_line(completed.stdout) if completed.returncode == 0 else ""
        return declared.precision_in_file(precision, version_numbers(version))

    def checks(self, transport: Transport, runtime: str, options: Mapping[str, Any]) -> Iterator[Check]:
        failed = False
        for check in guarded("python", python_checks(transport, self._python, self.runtime(runtime))):
            failed |= check.status == "failed"
            yield check
        # What is missing has been told already where something is.
        if not failed:
            yield from guarded("worker", self._start_check(transport, runtime, options))

    def _start_check(self, transport: Transport, runtime: str, options: Mapping[str, Any]) -> Iterator[Check]:
        checked = self.check_runtime(transport, runtime, self.options(runtime, options))
        modules = ", ".join(f"{name} {version}" for name, version in checked.modules.items()) or runtime
        yield Check("worker", "ok", f"starts, and imports {modules} in {checked.import_ns / 1e9:.1f} s")

    def available_cpus(self, transport: Transport) -> tuple[int, ...]:
        script = "import os; print(*sorted(os.sched_getaffinity(0)))"
        completed = transport.run([*self._python, "-c", script], timeout_s=60)
        cpus = [count(word) for word in completed.stdout.split()]
        if completed.returncode != 0 or None in cpus:
            raise WorkerError(
                "python",
                f"Python on the device does not run: {_last_line(completed.stderr)}",
                "set `python` in devices.yaml to one of 3.6 or newer with numpy and the runtime",
            )
        return tuple(cpu for cpu in cpus if cpu is not None)

    def measure(
        self,
        transport: Transport,
        deployment: Deployment,
        request: RoundJob,
        outputs_to: Path,
        on_progress: ProgressHandler,
    ) -> RoundResult:
        return self._measure(transport, deployment, request, outputs_to, on_progress, None)

    def profile(self, transport: Transport, deployment: Deployment, job: RoundJob, requests: int) -> Profile:
        with tempfile.TemporaryDirectory(prefix="bench-profile-") as folder:
            outputs_to = Path(folder) / "outputs.npz"
            result = self._measure(transport, deployment, job, outputs_to, lambda _: None, requests)
        profile = result.done["profile"]
        return Profile(int(profile["requests"]), tuple(LayerTime(**layer) for layer in profile["layers"]))

    def check_runtime(self, transport: Transport, runtime: str, options: Mapping[str, Any]) -> Checked:
        """Start the worker once and have it make the runtime. Raises WorkerError with what is missing."""
        check = {"runtime": runtime, "runtime_options": dict(options), "runtime_class": _runtime_class(runtime)}
        heard = WorkerRound()
        completed = self._start(
            transport, runtime, check, lambda line: _report(heard.line(line), _nobody), ("--check",), _CHECK_S
        )
        _check(completed, heard)
        return heard.checked

    def _start(
        self,
        transport: Transport,
        runtime: str,
        document: dict[str, Any],
        on_line: LineHandler,
        arguments: tuple[str, ...] = (),
        idle_timeout_s: float | None = None,
    ) -> Completed:
        """The worker with a job as its file, to its end."""
        if runtime not in self._programs:
            self._programs[runtime] = push_worker(transport, runtime)
        with tempfile.TemporaryDirectory(prefix="bench-job-") as folder:
            file = Path(folder) / "job.json"
            file.write_text(json.dumps(document), encoding="utf-8")
            job = transport.push(file, "job.json")
            words = [*self._python, self._programs[runtime], *arguments, job]
            return transport.run(words, on_stdout=on_line, idle_timeout_s=idle_timeout_s)

    def _measure(
        self,
        transport: Transport,
        deployment: Deployment,
        request: RoundJob,
        outputs_to: Path,
        on_progress: ProgressHandler,
        profile: int | None,
    ) -> RoundResult:
        outputs = str(PurePosixPath(transport.workdir) / "outputs.npz")
        document = _worker_request(request, deployment, outputs, profile)
        heard = WorkerRound()
        on_progress(Progress("starting"))
        completed = self._start(
            transport,
            request.runtime,
            document,
            lambda line: _report(heard.line(line), on_progress),
            idle_timeout_s=request.idle_timeout_s,
        )
        _check(completed, heard)
        _check_artifact(heard, deployment)
        _pull_outputs(transport, heard, outputs, outputs_to)
        return RoundResult(
            warmup=heard.columns("warmup"),
            samples=heard.columns("sampling"),
            hello=heard.hello,
            loaded=heard.loaded,
            done=heard.done,
            outputs=outputs_to,
            log=str(heard.printed) + completed.stderr,
            sampled_unix_ns=_sampled_unix_ns(transport, heard),
        )


def _nobody(_: Progress) -> None:
    """A check has no stages to tell of."""


def _report(event: Event | None, on_progress: ProgressHandler) -> None:
    if isinstance(event, Loaded):
        on_progress(Progress("loaded"))
    elif isinstance(event, ProgressEvent):
        median_ms = None if event.median_ns is None else event.median_ns / 1e6
        on_progress(Progress(event.stage, event.count, event.elapsed_ns / 1e9, median_ms))


def _check_artifact(heard: WorkerRound, deployment: Deployment) -> None:
    """No time is that of a file which is not the one that was deployed. Raises WorkerError (bad-artifact)."""
    loaded = heard.artifact
    if loaded.sha256 != deployment.sha256 or loaded.external_sha256 != dict(deployment.external_sha256):
        raise WorkerError(
            "bad-artifact",
            f"{deployment.path} on the device was changed after it was brought there: SHA-256 {loaded.sha256}, not "
            f"{deployment.sha256}",
            "measure again, and let nothing write to it meanwhile",
        )


def _pull_outputs(transport: Transport, heard: WorkerRound, path: str, to: Path) -> None:
    """The file of outputs that was asked for, as the worker wrote it. Raises WorkerError (protocol)."""
    if heard.outputs.path != path:
        raise protocol_error(f"its outputs as {heard.outputs.path!r}, and was asked for {path!r}")
    transport.pull(path, to)
    if file_sha256(str(to)) != heard.outputs.sha256:
        raise protocol_error("outputs that are not those in its file (SHA-256)")


def _worker_request(request: RoundJob, deployment: Deployment, outputs: str, profile: int | None) -> dict[str, Any]:
    return {
        "version": 1,
        "runtime": request.runtime,
        "runtime_options": request.runtime_options,
        "runtime_class": _runtime_class(request.runtime),
        "artifact": deployment.path,
        "inputs": request.inputs,
        "cpus": None if request.cpus is None else list(request.cpus),
        "write_outputs": outputs,
        "warmup": request.warmup,
        "sampling": request.sampling,
        "external_data": list(deployment.external_sha256),
        "die_with_parent": True,
        **({} if request.throughput is None else {"throughput": request.throughput}),
        **({} if profile is None else {"profile": profile}),
        **({"find_non_finite": True} if request.find_non_finite else {}),
    }


def _runtime_class(runtime: str) -> str | None:
    """`module:Class` of a third party's runtime; None for ours."""
    entry = third_party_entry(runtime)
    return None if entry is None else entry.value


def _check(completed: Completed, heard: WorkerRound) -> None:
    """Raise what the worker reported, or what its death means."""
    log = str(heard.printed) + completed.stderr
    said = _last_line(completed.stderr)
    code = completed.returncode
    if heard.error is not None:
        raise WorkerError(heard.error.kind, heard.error.message, heard.error.remedy, log)
    if code in (-9, 128 + 9):
        # What the kernel does when memory runs out; nobody else on the device kills processes of ours.
        raise WorkerError(
            "out-of-memory",
            "the measuring process was killed (SIGKILL), most likely because memory ran out",
            _LESS_MEMORY,
            log,
        )
    if code != 0 and any(words in completed.stderr for words in _OUT_OF_MEMORY_WORDS):
        raise WorkerError("out-of-memory", f"memory ran out in the measuring process: {said}", _LESS_MEMORY, log)
    if code < 0:
        raise WorkerError(
            "crashed",
            f"the measuring process died of signal {-code}: {said}",
            "try another --runtime or a smaller --resolution; all that it printed is in the run's evidence/",
            log,
        )
    if code != 0 or not heard.is_done:
        raise WorkerError(
            "crashed",
            f"the measuring process ended with code {code}: {said}",
            "all that it printed is in the run's evidence/",
            log,
        )


def _sampled_unix_ns(transport: Transport, heard: WorkerRound) -> tuple[int, int] | None:
    """From the worker's clock to ours, so that readings taken here can be told to fall into it."""
    samples = heard.columns("sampling")
    try:
        offset_ns = transport.clock_offset_ns()
    except DeviceError:
        return None
    first_ns = heard.hello["clock"]["origin_unix_ns"] - offset_ns
    return first_ns + int(samples.start_ns[0]), first_ns + int(samples.start_ns[-1] + samples.latency_ns[-1])


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "nothing was printed"
