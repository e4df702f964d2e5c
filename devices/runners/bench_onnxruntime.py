"""The bench_onnxruntime runner: ONNX Runtime without Python, by a program of ours in C++ (devices/native).

A phone has no Python, and ONNX Runtime's own tools print statistics alone. The program makes the requests that the
worker makes, and prints every one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar

from bench_worker.libraries.onnxruntime_layers import layer_facts
from bench_worker.outputs import save
from bench_worker.runtime.base import THREADS
from bench_worker.runtime.declaration import Option, RuntimeDeclaration
from bench_worker.runtimes.onnxruntime import OnnxRuntime
from latency_bench.devices.checks import Check
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.probes.android_cpus import read_cores, taskset_mask
from latency_bench.devices.runners.base import Deployment, Progress, ProgressHandler, RoundJob, RoundResult, Runner
from latency_bench.devices.runners.bench_onnxruntime_events import Done, Heard, Loaded, Outputs
from latency_bench.devices.runners.brought_libraries import Libraries, push_libraries
from latency_bench.devices.runners.brought_program import BroughtProgram, bring_program
from latency_bench.devices.runners.program_options import ProgramOptions
from latency_bench.devices.runners.pushed_inputs import PushedInput, pushed_inputs
from latency_bench.devices.runners.raw_tensors import tensors_of, tensors_size_bytes
from latency_bench.devices.runners.worker_events import ProgressEvent, Stage
from latency_bench.devices.runners.worker_outcome import check_ended_well
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import MOST_PULLED_BYTES, Transport

if TYPE_CHECKING:
    from latency_bench.devices.device import Device

PROGRAM = "bench-onnxruntime"
WHERE = (
    "build it from devices/native/bench_onnxruntime.cpp (docs/android.md), and name the file with "
    "`bench_onnxruntime: {binary: ...}` in devices.yaml"
)
_SHORT_S = 60.0
Bounds = Mapping[Stage, Mapping[str, Any]]
"""Floors and caps of warm-up and sampling."""
_ONE_REQUEST: Bounds = {
    "warmup": {"min_count": 0, "min_ns": 0, "max_count": 1, "max_ns": 0},
    "sampling": {"min_count": 1, "min_ns": 0, "max_count": 1, "max_ns": 0},
}
_MOST_GRAPH_BYTES = 256 << 20
"""Of a graph without its weights, and of what reading it may cost."""


class ProgramOnnxRuntime(RuntimeDeclaration):
    """ONNX Runtime on the device's processor; its files are those of the worker's runtime of the same name."""

    name = OnnxRuntime.name
    FORMAT = OnnxRuntime.FORMAT
    PRECISIONS: ClassVar[Mapping[str, str]] = OnnxRuntime.PRECISIONS
    QUANTISER = OnnxRuntime.QUANTISER
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "threads": THREADS._replace(default=1, minimum=1, help="Threads within an operator."),
        "spin": OnnxRuntime.OPTIONS["spin"],
    }


class BenchOnnxRuntimeRunner(Runner):
    name = "bench_onnxruntime"
    RUNTIMES = (ProgramOnnxRuntime,)

    def __init__(self, settings: ProgramOptions | None = None) -> None:
        self._settings = settings or ProgramOptions()
        self._program: tuple[BroughtProgram, Libraries] | None = None

    @classmethod
    def for_device(cls, device: Device) -> BenchOnnxRuntimeRunner:
        return cls(device.bench_onnxruntime)

    def checks(self, transport: Transport, runtime: str, options: Mapping[str, Any]) -> Iterator[Check]:
        program, libraries = self._brought(transport)
        said = transport.run([program.path, "--version"], env=libraries.environment(), timeout_s=_SHORT_S)
        if said.returncode != 0 or PROGRAM not in said.stdout:
            printed = " ".join((said.stderr or said.stdout).split())[:200] or "it printed nothing"
            yield Check(PROGRAM, "failed", f"does not start: {printed}", "name libonnxruntime.so under `libraries`")
        else:
            yield Check(PROGRAM, "ok", f"{said.stdout.strip()[:200]}, SHA-256 {program.sha256[:12]}")

    def available_cpus(self, transport: Transport) -> tuple[int, ...]:
        """Slowest first, so that the last `threads` of them are the prime and big cores."""
        return tuple(core.number for core in read_cores(transport))

    def measure(
        self,
        transport: Transport,
        deployment: Deployment,
        request: RoundJob,
        outputs_to: Path,
        on_progress: ProgressHandler,
    ) -> RoundResult:
        on_progress(Progress("starting"))
        options = self.options(request.runtime, request.runtime_options)
        program, libraries = self._brought(transport)
        process = _Process(transport, program, libraries, deployment, request, options)
        stages: Bounds = {"warmup": request.warmup, "sampling": request.sampling}
        heard, loaded, done = process.run(request.inputs, stages, outputs_to, on_progress)
        checks = {name: outputs_to.with_name(f"{outputs_to.stem}-{name}.npz") for name in request.checks}
        for name, inputs in request.checks.items():
            process.run(inputs, _ONE_REQUEST, checks[name], lambda _: None)
        layers = process.layers(request.inputs) if request.tell_layers else {}
        samples = heard.columns("sampling")
        return RoundResult(
            warmup=heard.columns("warmup"),
            samples=samples,
            hello={"pinned": request.cpus is not None, "cpus": list(request.cpus or ())},
            loaded={
                "runtime": {"name": request.runtime, "package": PROGRAM, "version": loaded.version},
                "options": options,
                "load_ns": loaded.load_ns,
                "tool": program.facts(libraries),
                **layers,
            },
            done={
                "count": done.sampling.count,
                "elapsed_ns": done.sampling.elapsed_ns,
                "stopped_by": done.sampling.stopped_by,
                "median_ns": median(samples.latency_ns.tolist()),
                "peak_rss_bytes": {"end": done.peak_rss_bytes},
            },
            outputs=outputs_to,
            check_outputs=checks,
            log="".join(process.printed),
            sampled_unix_ns=heard.sampled_unix_ns,
        )

    def _brought(self, transport: Transport) -> tuple[BroughtProgram, Libraries]:
        """The program, brought to the device in the session's first call."""
        if self._program is None:
            libraries = push_libraries(transport, self.name, self._settings.libraries)
            self._program = bring_program(transport, PROGRAM, self._settings, WHERE), libraries
        return self._program


class _Process:
    """The program with everything but what differs from call to call."""

    def __init__(
        self,
        transport: Transport,
        program: BroughtProgram,
        libraries: Libraries,
        deployment: Deployment,
        request: RoundJob,
        options: Mapping[str, Any],
    ) -> None:
        pinned = ["taskset", taskset_mask(request.cpus)] if request.cpus else []
        how = ["--threads", str(options["threads"]), "--spin", str(int(options["spin"]))]
        self._argv = [*pinned, program.path, "--model", deployment.path, *how]
        self._environment = libraries.environment()
        self._transport = transport
        self._idle_timeout_s = request.idle_timeout_s
        self.printed: list[str] = []

    def layers(self, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """In what numbers layers compute, by the graph that a process of its own writes. Raises WorkerError."""
        graph = f"{self._transport.workdir}/graph.onnx"
        with TemporaryFolder("graph") as folder:
            self.run(inputs, _ONE_REQUEST, folder / "outputs.npz", lambda _: None, "--graph", graph)
            self._transport.pull(graph, folder / "graph.onnx", _MOST_GRAPH_BYTES)
            self._transport.run(["rm", "-f", graph, f"{self._transport.workdir}/graph-weights"], timeout_s=_SHORT_S)
            content = (folder / "graph.onnx").read_bytes()
        try:
            return layer_facts(content)
        except ValueError as error:
            raise WorkerError("protocol", f"{PROGRAM} wrote a graph that is none: {error}") from error

    def run(
        self,
        inputs: Sequence[Mapping[str, Any]],
        stages: Bounds,
        to: Path,
        on_progress: ProgressHandler,
        *more: str,
    ) -> tuple[Heard, Loaded, Done]:
        """One process to its end, with `more` words; its outputs are written to `to`. Raises WorkerError unless it did
        everything."""
        remote = f"{self._transport.workdir}/outputs.bin"
        heard = Heard(stages)
        with pushed_inputs(self._transport, inputs) as pushed:
            argv = [*self._argv, *_input_words(pushed), "--outputs", remote, *_stage_words(stages), *more]
            completed = self._transport.run(
                argv,
                env=self._environment,
                on_stdout=lambda line: _tell(heard.line(line), on_progress),
                timeout_s=longest_s(stages, self._idle_timeout_s),
                idle_timeout_s=self._idle_timeout_s,
            )
        text = f"{heard.printed}{completed.stderr}"
        self.printed.append(f"$ {' '.join(argv)}\n{text}\n")
        check_ended_well(self._transport, completed, heard.error, heard.done is not None, str(heard.printed), PROGRAM)
        loaded, outputs, done = heard.everything()
        _fetch_outputs(self._transport, remote, outputs, to)
        return heard, loaded, done


def longest_s(stages: Bounds, idle_timeout_s: float) -> float:
    """For a process that goes on saying something. What it may do outside its stages' caps is silent: loading, the last
    request of each stage, writing the outputs."""
    return sum(float(one["max_ns"]) for one in stages.values()) / 1e9 + (2 + len(stages)) * idle_timeout_s


def _stage_words(stages: Bounds) -> list[str]:
    """The stages' floors and caps; the program stops by these alone, and knows no interval."""
    names = ("min_count", "min_ns", "max_count", "max_ns")
    return [word for stage, one in stages.items() for word in (f"--{stage}", *(str(int(one[name])) for name in names))]


def _input_words(pushed: Sequence[PushedInput]) -> list[str]:
    return [
        word for one in pushed for word in ("--input", one.name, one.dtype, "x".join(map(str, one.shape)), one.path)
    ]


def _tell(event: ProgressEvent | Loaded | None, on_progress: ProgressHandler) -> None:
    if isinstance(event, Loaded):
        on_progress(Progress("loaded"))
    elif event is not None:
        on_progress(Progress(event.stage, event.count, event.elapsed_ns / 1e9))


def _fetch_outputs(transport: Transport, remote: str, outputs: Outputs, to: Path) -> None:
    """Raises WorkerError where the file has another size than the program says."""
    described = [one.model_dump() for one in outputs.tensors]
    with TemporaryFolder("outputs") as folder:
        local = folder / "outputs.bin"
        transport.pull(remote, local, min(tensors_size_bytes(described), MOST_PULLED_BYTES))
        content = local.read_bytes()
    save(str(to), tensors_of(content, described, PROGRAM))
