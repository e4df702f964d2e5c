"""The worker runner: our own measuring process on the device, one fresh process a round."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import bench_worker
from bench_worker.runtimes.tensorrt_api import FIRST_TYPED, version_numbers
from latency_bench.devices.errors import DeviceError, InventoryError, WorkerError
from latency_bench.devices.runners.base import (
    PHASES,
    Columns,
    Deployment,
    Progress,
    ProgressHandler,
    RoundJob,
    RoundResult,
    Runner,
)
from latency_bench.devices.transports.base import Completed, Transport

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MARKER = "@bench "
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

    def available_cpus(self, transport: Transport) -> tuple[int, ...]:
        script = "import os; print(*sorted(os.sched_getaffinity(0)))"
        completed = transport.run([*self._python, "-c", script], timeout_s=60)
        words = completed.stdout.split()
        if completed.returncode != 0 or not all(word.isdigit() for word in words):
            raise WorkerError(
                "python",
                f"Python on the device does not run: {_last_line(completed.stderr)}",
                "set `python` in devices.yaml to one of 3.6 or newer with numpy and the runtime",
            )
        return tuple(int(word) for word in words)

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
            listener = _Listener(on_progress)
            on_progress(Progress("starting"))
            completed = transport.run(
                [*self._python, "-m", _PACKAGE, remote_request],
                on_stdout=listener.line,
                idle_timeout_s=request.idle_timeout_s,
            )
        _check(completed, listener)
        fetched = None
        if "outputs" in listener.events:
            transport.pull(listener.events["outputs"]["path"], outputs_to)
            fetched = outputs_to
        return RoundResult(
            warmup=_columns(listener.samples, "warmup"),
            samples=_columns(listener.samples, "sampling"),
            hello=listener.events["hello"],
            loaded=listener.events["loaded"],
            done=listener.events["done"],
            outputs=fetched,
            log="".join(listener.foreign) + completed.stderr,
            sampled_unix_ns=_sampled_unix_ns(transport, listener),
        )


class _Listener:
    """Tells the worker's events from anything else on stdout."""

    def __init__(self, on_progress: ProgressHandler) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.samples: list[dict[str, Any]] = []
        self.foreign: list[str] = []
        self._on_progress = on_progress

    def line(self, line: str) -> None:
        if not line.startswith(MARKER):
            self.foreign.append(line)
            return
        try:
            event = json.loads(line[len(MARKER) :])
            kind = event["event"]
        except (ValueError, KeyError, TypeError):
            raise WorkerError("protocol", f"the worker sent a line that does not parse: {line[:200]!r}") from None
        if kind == "samples":
            self.samples.append(event)
        elif kind == "progress":
            median_ns = event.get("median_ns")
            self._on_progress(
                Progress(
                    event["stage"],
                    event["count"],
                    event["elapsed_ns"] / 1e9,
                    None if median_ns is None else median_ns / 1e6,
                )
            )
        else:
            self.events[kind] = event
            if kind == "loaded":
                self._on_progress(Progress("loaded"))


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
        "die_with_parent": True,
        **({} if request.throughput is None else {"throughput": request.throughput}),
        **({} if request.profile is None else {"profile": request.profile}),
        **({"find_non_finite": True} if request.find_non_finite else {}),
    }


def _check(completed: Completed, listener: _Listener) -> None:
    """Raise what the worker reported, or what its death means."""
    log = "".join(listener.foreign) + completed.stderr
    said = _last_line(completed.stderr)
    code = completed.returncode
    if "error" in listener.events:
        error = listener.events["error"]
        raise WorkerError(str(error.get("kind")), str(error.get("message")), str(error.get("remedy") or ""), log)
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
    if code != 0 or "done" not in listener.events:
        raise WorkerError(
            "crashed",
            f"the measuring process ended with code {code}: {said}",
            "all that it printed is in the run's evidence/",
            log,
        )


def _sampled_unix_ns(transport: Transport, listener: _Listener) -> tuple[int, int] | None:
    """From the worker's clock to ours, so that readings taken here can be told to fall into it."""
    origin_unix_ns = listener.events["hello"].get("clock", {}).get("origin_unix_ns")
    samples = _columns(listener.samples, "sampling")
    if origin_unix_ns is None or not len(samples.start_ns):
        return None
    try:
        offset_ns = transport.clock_offset_ns()
    except DeviceError:
        return None
    first_ns = origin_unix_ns - offset_ns
    return first_ns + int(samples.start_ns[0]), first_ns + int(samples.start_ns[-1] + samples.latency_ns[-1])


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "nothing was printed"


def _columns(events: list[dict[str, Any]], stage: str) -> Columns:
    import numpy as np

    def column(name: str) -> npt.NDArray[np.int64]:
        parts = [
            np.asarray(event[name], dtype=np.int64) for event in events if event["stage"] == stage and name in event
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    phases = {name: values for name in PHASES if len(values := column(f"{name}_ns"))}
    enqueue_ns = column("enqueue_ns")
    return Columns(column("start_ns"), column("latency_ns"), phases, enqueue_ns if len(enqueue_ns) else None)
