"""The worker runner: our own measuring process on the device, one fresh process a round."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import bench_worker
from bench_worker.files import file_sha256
from bench_worker.runtimes.tensorrt_api import FIRST_TYPED, version_numbers
from latency_bench.devices.checks import Check, guarded
from latency_bench.devices.errors import DeviceError, InventoryError, WorkerError
from latency_bench.devices.numerals import count
from latency_bench.devices.runners.base import (
    Deployment,
    Progress,
    ProgressHandler,
    RoundJob,
    RoundResult,
    Runner,
)
from latency_bench.devices.runners.worker_checks import python_checks
from latency_bench.devices.runners.worker_events import Event, Loaded, ProgressEvent, protocol_error
from latency_bench.devices.runners.worker_round import WorkerRound
from latency_bench.devices.transports.base import Completed, Transport

_PACKAGE = "bench_worker"
_WORKER_FOLDER = Path(str(bench_worker.__file__)).parent

_LESS_MEMORY = "choose a smaller model, --resolution or --batch, or free memory on the device"
_OUT_OF_MEMORY_WORDS = ("std::bad_alloc", "Cannot allocate memory", "Memory allocation still failed", "MemoryError")

FORMATS = {
    "litert": "tflite",
    "onnxruntime": "onnx",
    "torch": "pt2",
    "torch-cuda": "pt2",
    "tensorrt": "onnx",
    "tensorrt-rtx": "onnx",
}
"""File format that each runtime of the worker loads. A third party's runtime is named in `runtime_formats`."""


class WorkerRunner(Runner):
    name = "worker"

    def __init__(self, python: Sequence[str] | None = None) -> None:
        self._python = tuple(python) if python else (sys.executable,)
        self._staged: str | None = None

    def artifact_format(self, runtime: str) -> str:
        from importlib.metadata import entry_points

        if runtime in FORMATS:
            return FORMATS[runtime]
        known = dict(FORMATS)
        for entry in entry_points(group="bench.runtime_formats"):
            known[entry.name] = entry.value
        if runtime not in known:
            raise InventoryError(f"no runtime is called {runtime!r}", f"Known runtimes: {', '.join(sorted(known))}")
        return known[runtime]

    def artifact_precision(self, transport: Transport, runtime: str, precision: str) -> str:
        if runtime != "tensorrt" or precision == "fp32":
            return precision
        # Before 10.12 half precision is asked of the builder, and the file stays fp32 (tensorrt_api.py in the worker).
        completed = transport.run([*self._python, "-c", "import tensorrt; print(tensorrt.__version__)"], timeout_s=120)
        version = _last_line(completed.stdout)
        if completed.returncode != 0:
            # The worker will say what is missing, and how to get it.
            return precision
        return precision if version_numbers(version) >= FIRST_TYPED else "fp32"

    def checks(self, transport: Transport, runtime: str) -> Iterator[Check]:
        return guarded("python", python_checks(transport, self._python, runtime))

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
        if self._staged is None:
            self._staged = transport.push(_WORKER_FOLDER, _PACKAGE)
        outputs = str(PurePosixPath(transport.workdir) / "outputs.npz")
        with tempfile.TemporaryDirectory(prefix="bench-request-") as folder:
            file = Path(folder) / "request.json"
            file.write_text(json.dumps(_worker_request(request, deployment, outputs)), encoding="utf-8")
            remote_request = transport.push(file, "request.json")
            heard = WorkerRound()
            on_progress(Progress("starting"))
            completed = transport.run(
                [*self._python, "-m", _PACKAGE, remote_request],
                on_stdout=lambda line: _report(heard.line(line), on_progress),
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


def _worker_request(request: RoundJob, deployment: Deployment, outputs: str) -> dict[str, Any]:
    return {
        "version": 1,
        "runtime": request.runtime,
        "runtime_options": request.runtime_options,
        "artifact": deployment.path,
        "inputs": request.inputs,
        "cpus": None if request.cpus is None else list(request.cpus),
        "write_outputs": outputs,
        "warmup": request.warmup,
        "sampling": request.sampling,
        "external_data": list(deployment.external_sha256),
        "die_with_parent": True,
        **({} if request.throughput is None else {"throughput": request.throughput}),
        **({} if request.profile is None else {"profile": request.profile}),
        **({"find_non_finite": True} if request.find_non_finite else {}),
    }


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
