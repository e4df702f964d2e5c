"""The worker runner: our own measuring process on the device, one fresh process a round."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from bench_worker.pipeline.library_packages import MODULES, PACKAGES
from bench_worker.runtime.base import LayerTime
from bench_worker.runtime.declaration import BUILDER_FLAG, RuntimeDeclaration
from bench_worker.runtime.packages import version_numbers
from latency_bench.devices.checks import Check, guarded
from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.numerals import count
from latency_bench.devices.runners.alternation import AlternatingRunner, AlternatingSide, Alternation, Turns
from latency_bench.devices.runners.base import (
    Deployment,
    Profile,
    Progress,
    ProgressHandler,
    RoundJob,
    RoundResult,
)
from latency_bench.devices.runners.batch import AnswersHandler, Batch
from latency_bench.devices.runners.worker_alternation import WorkerAlternation, alternation_job, alternation_result
from latency_bench.devices.runners.worker_batches import FedBatches
from latency_bench.devices.runners.worker_checks import python_checks
from latency_bench.devices.runners.worker_events import Answered, Checked, Event, Loaded, ProgressEvent, Waiting
from latency_bench.devices.runners.worker_files import push_json, push_worker, with_values_there
from latency_bench.devices.runners.worker_outcome import (
    check_artifact,
    check_ended_well,
    check_paths,
    last_line,
    round_result,
)
from latency_bench.devices.runners.worker_round import WorkerRound, most_samples
from latency_bench.devices.runtimes import third_party_entry, worker_runtime, worker_runtime_names
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import Completed, LineHandler, Transport

_VERSION = "import importlib, sys; print(importlib.import_module(sys.argv[1]).__version__)"
_CHECK_S = 300.0
"""Longer than any package takes to import, on the slowest card of a small board."""


class WorkerRunner(AlternatingRunner):
    name = "worker"
    BATCH_BYTES = 16 << 20

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
        if declared.PRECISIONS.get(precision) != BUILDER_FLAG:
            return precision
        if declared.TYPED_SINCE is None:
            return declared.precision_in_file(precision, ())
        # Only the device knows whether its version asks the builder or takes the types of the file.
        module = declared.MODULES[0][0]
        completed = transport.run([*self._python, "-c", _VERSION, module], timeout_s=120)
        # Where that fails the worker will say what is missing, and how to get it.
        version = last_line(completed.stdout) if completed.returncode == 0 else ""
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

    def check_image_library(self, transport: Transport, library: str) -> None:
        completed = transport.run([*self._python, "-c", _VERSION, MODULES[library]], timeout_s=120)
        if completed.returncode != 0:
            raise WorkerError(
                "runtime-missing",
                f"the worker's Python ({' '.join(self._python)}) cannot import {MODULES[library]}, with which "
                f"--pipeline {library} decodes photographs: {last_line(completed.stderr)}",
                f"install it there: {' '.join(self._python)} -m pip install {PACKAGES[library]}; or choose another of "
                f"{', '.join(MODULES)}",
            )

    def available_cpus(self, transport: Transport) -> tuple[int, ...]:
        script = "import os; print(*sorted(os.sched_getaffinity(0)))"
        completed = transport.run([*self._python, "-c", script], timeout_s=60)
        cpus = [count(word) for word in completed.stdout.split()]
        if completed.returncode != 0 or None in cpus:
            raise WorkerError(
                "python",
                f"Python on the device does not run: {last_line(completed.stderr)}",
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
        with TemporaryFolder("profile") as folder:
            outputs_to = folder / "outputs.npz"
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
        check_ended_well(transport, completed, heard.error, heard.is_done, str(heard.printed))
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
        with TemporaryFolder("job") as folder:
            job = push_json(transport, document, folder / "job.json")
            words = [*self._python, self._program(transport, runtime), *arguments, job]
            return transport.run(words, on_stdout=on_line, idle_timeout_s=idle_timeout_s)

    def _program(self, transport: Transport, runtime: str) -> str:
        """Path on the device of the worker that can run this runtime."""
        if runtime not in self._programs:
            self._programs[runtime] = push_worker(transport, runtime)
        return self._programs[runtime]

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
        document = _worker_request(transport, request, deployment, outputs, profile)
        heard = WorkerRound(most_samples(request.warmup, request.sampling))
        on_progress(Progress("starting"))
        try:
            completed = self._start(
                transport,
                request.runtime,
                document,
                lambda line: _report(heard.line(line), on_progress),
                idle_timeout_s=request.idle_timeout_s,
            )
        finally:
            _remove_images(transport, document)
        check_ended_well(transport, completed, heard.error, heard.is_done, str(heard.printed))
        log = str(heard.printed) + completed.stderr
        checks = check_paths(outputs, request.checks)
        return round_result(transport, heard, deployment, outputs, outputs_to, log, checks)

    def answer(
        self,
        transport: Transport,
        deployment: Deployment,
        job: RoundJob,
        batches: Iterator[Batch],
        on_answers: AnswersHandler,
    ) -> None:
        """In one process, which computes a batch while the next one is made and brought."""
        outputs = str(PurePosixPath(transport.workdir) / "outputs.npz")
        document = _worker_request(transport, job, deployment, outputs, None)
        heard = WorkerRound(most_samples(job.warmup, job.sampling))
        with TemporaryFolder("batches") as folder, FedBatches(transport, batches, folder) as fed:

            def take(line: str) -> None:
                event = heard.line(line)
                if isinstance(event, Loaded):
                    check_artifact(heard, deployment)
                elif isinstance(event, Answered):
                    with fed.answers(event) as answers:
                        on_answers(answers)
                elif isinstance(event, Waiting):
                    fed.check()

            document = {**document, "batches": fed.place}
            completed = self._start(transport, job.runtime, document, take, idle_timeout_s=job.idle_timeout_s)
            fed.check()
        check_ended_well(transport, completed, heard.error, heard.is_done, str(heard.printed))

    def alternate(
        self,
        transport: Transport,
        sides: Sequence[AlternatingSide],
        turns: Turns,
        outputs_to: Path,
        on_progress: ProgressHandler,
    ) -> Alternation:
        outputs = [str(PurePosixPath(transport.workdir) / f"outputs{number}.npz") for number in range(len(sides))]
        most = [most_samples(side.job.warmup, side.job.sampling) for side in sides]
        heard = WorkerAlternation(most, turns, on_progress)
        with TemporaryFolder("jobs") as folder:
            jobs = []
            for number, (side, to) in enumerate(zip(sides, outputs, strict=True)):
                document = {**_worker_request(transport, side.job, side.deployment, to, None), "on_command": True}
                job = push_json(transport, document, folder / f"side{number}.json")
                program = self._program(transport, side.job.runtime)
                jobs.append({"job": job, "program": program, "python": list(side.python or self._python)})
            on_progress(Progress("starting"))
            completed = self._start(
                transport,
                sides[0].job.runtime,
                alternation_job(jobs, turns),
                heard.line,
                ("--alternate",),
                sum(side.job.idle_timeout_s for side in sides),
            )
        return alternation_result(transport, completed, heard, sides, turns, outputs, outputs_to)


def _nobody(_: Progress) -> None:
    """A check has no stages to tell of."""


def _report(event: Event | None, on_progress: ProgressHandler) -> None:
    if isinstance(event, Loaded):
        on_progress(Progress("loaded"))
    elif isinstance(event, ProgressEvent):
        median_ms = None if event.median_ns is None else event.median_ns / 1e6
        on_progress(Progress(event.stage, event.count, event.elapsed_ns / 1e9, median_ms))


def _worker_request(
    transport: Transport, request: RoundJob, deployment: Deployment, outputs: str, profile: int | None
) -> dict[str, Any]:
    paths = check_paths(outputs, request.checks)
    checks = [
        {"inputs": [with_values_there(transport, entry) for entry in inputs], "write_outputs": paths[name]}
        for name, inputs in request.checks.items()
    ]
    return {
        "version": 1,
        "runtime": request.runtime,
        "runtime_options": request.runtime_options,
        "runtime_class": _runtime_class(request.runtime),
        "artifact": deployment.path,
        "inputs": [with_values_there(transport, entry) for entry in request.inputs],
        "cpus": None if request.cpus is None else list(request.cpus),
        "write_outputs": outputs,
        "warmup": request.warmup,
        "sampling": request.sampling,
        "external_data": list(deployment.external_sha256),
        "die_with_parent": True,
        **({} if request.throughput is None else {"throughput": request.throughput}),
        **({} if profile is None else {"profile": profile}),
        **({"find_non_finite": True} if request.find_non_finite else {}),
        **({"checks": checks} if checks else {}),
        **({} if request.pipeline is None else {"pipeline": _with_photograph_there(transport, request.pipeline)}),
    }


def _remove_images(transport: Transport, document: Mapping[str, Any]) -> None:
    """Values that were brought for the checks alone: a data set is larger than a device."""
    entries = [entry for check in document.get("checks", ()) for entry in check["inputs"]]
    with contextlib.suppress(DeviceError):  # a link that is lost is told by what comes next
        transport.remove([entry["values"] for entry in entries if "values" in entry])


def _with_photograph_there(transport: Transport, pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """The pipeline, with its photograph brought to the device."""
    file = Path(pipeline["photograph"])
    # Two sides of a pair may have different ones; what a user calls a file is no name on a device.
    name = f"photograph-{hashlib.sha256(os.fsencode(file)).hexdigest()[:16]}"
    return {**pipeline, "photograph": transport.push(file, name)}


def _runtime_class(runtime: str) -> str | None:
    """`module:Class` of a third party's runtime; None for ours."""
    entry = third_party_entry(runtime)
    return None if entry is None else entry.value
