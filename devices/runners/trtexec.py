"""The trtexec runner: nothing but TensorRT's own tool on the device.

It builds an engine once, keeps it on the device, and times it with the flags of the paper's authors. Its latency is the
sum of what the device's events say of h2d, compute and d2h, while neighbouring requests may overlap; that is not the
wall clock of a request, and every record says so (`latency_covers`).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench_worker.libraries.engine_layers import layer_facts
from bench_worker.runtime.declaration import BUILDER_FLAG, QUANTISED_FILE, TYPED_FILE, Option, RuntimeDeclaration
from bench_worker.runtimes.tensorrt import ENGINE_ENDINGS, TensorRt
from latency_bench.devices.checks import Check
from latency_bench.devices.errors import DeviceError, UnreachableError, WorkerError
from latency_bench.devices.numerals import count, cpu_list
from latency_bench.devices.runners.base import (
    Deployment,
    Progress,
    ProgressHandler,
    RoundJob,
    RoundResult,
    Runner,
)
from latency_bench.devices.runners.process_end import was_killed
from latency_bench.devices.runners.trtexec_flags import LAYERS, Tool, build_flags, measure_flags, parse_help
from latency_bench.devices.runners.trtexec_inputs import given_inputs, shape_flags
from latency_bench.devices.runners.trtexec_options import TrtexecOptions
from latency_bench.devices.runners.trtexec_output import Log, parse_log, parse_outputs, parse_times
from latency_bench.devices.strict_json import parse_json
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import Completed, Transport

if TYPE_CHECKING:
    from latency_bench.devices.device import Device

LATENCY_COVERS = "h2d + compute + d2h by device events (trtexec), not the wall clock of a request"
_HELP_S = 120.0
_LESS_MEMORY = (
    "choose a smaller model, --resolution or --batch, lower `trtexec.workspace_mib`, or stop the desktop there"
)


class TrtexecTensorRt(RuntimeDeclaration):
    """TensorRT as its own tool runs it: one engine on the device, fewer options than the worker's."""

    name = "tensorrt"
    FORMAT = "onnx"
    ALSO_LOADS = TensorRt.ALSO_LOADS
    ON_GPU = True
    BUILDS_ENGINES = True
    PRECISIONS: ClassVar[Mapping[str, str]] = {"fp32": TYPED_FILE, "fp16": BUILDER_FLAG, "int8": QUANTISED_FILE}
    QUANTISER = TensorRt.QUANTISER
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "precision": Option("fp32", "What the engine computes in.", choices=tuple(PRECISIONS)),
        "tf32": TensorRt.OPTIONS["tf32"],
    }


class TrtexecRunner(Runner):
    name = "trtexec"
    RUNTIMES = (TrtexecTensorRt,)

    def __init__(self, options: TrtexecOptions | None = None, onnx_opset: int | None = None) -> None:
        self._options = options or TrtexecOptions()
        self._onnx_opset = onnx_opset
        self._tool: Tool | None = None

    @classmethod
    def for_device(cls, device: Device) -> TrtexecRunner:
        return cls(device.trtexec, device.onnx_opset)

    def checks(self, transport: Transport, runtime: str, options: Mapping[str, Any]) -> Iterator[Check]:
        tool = self.tool(transport)
        yield Check("trtexec", "ok", f"TensorRT {tool.version_text} ({tool.program})")
        if tool.version < (8, 5, 0) and (self._onnx_opset is None or self._onnx_opset > 13):
            reads = f"TensorRT {tool.version_text} reads opset 13 at most"
            yield Check("onnx opset", "failed", reads, "set `onnx_opset: 13`")

    def artifact_precision(self, transport: Transport, runtime: str, precision: str) -> str:
        # Where there is the flag, it is asked for when the engine is built, and the file stays fp32.
        asked_of_builder = TrtexecTensorRt.PRECISIONS[precision] == BUILDER_FLAG
        return "fp32" if asked_of_builder and self.tool(transport).has("--fp16") else precision

    def available_cpus(self, transport: Transport) -> tuple[int, ...]:
        text = transport.read_text("/sys/devices/system/cpu/online") or ""
        return cpu_list(text) or (0,)

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
        tool = self.tool(transport)
        shapes = shape_flags(request.inputs, request.resized_inputs)
        if deployment.path.endswith(ENGINE_ENDINGS):
            engine = {"path": deployment.path, "log": "", "origin": "given", **_file_facts(transport, deployment.path)}
        else:
            engine = self._engine(transport, tool, deployment, options, request.float32_layers, shapes, on_progress)
        on_progress(Progress("loaded"))
        flags = measure_flags(tool, engine["path"], "times.json", request.warmup, request.sampling)
        clock = _InferenceClock(request.warmup["min_ns"])
        # trtexec says nothing while it measures, so that silence means nothing before the measurement is over.
        limit_s = request.idle_timeout_s + (request.warmup["min_ns"] + request.sampling["max_ns"]) / 1e9
        with given_inputs(transport, request.inputs) as inputs:
            flags += [*shapes, *inputs, "--exportOutput=outputs.json"]
            completed = transport.run([tool.program, *flags], on_stdout=clock.line, timeout_s=limit_s)
        text = "".join(clock.lines) + completed.stderr
        log = _checked(completed, text, "measuring")
        warmup, samples = parse_times(_pulled(transport, "times.json"), log)
        _save_outputs(_pulled(transport, "outputs.json"), outputs_to)
        check_outputs = {
            name: self._check(transport, tool, engine["path"], request, inputs, outputs_to.with_name(f"{name}.npz"))
            for name, inputs in request.checks.items()
        }
        return RoundResult(
            warmup=warmup,
            samples=samples,
            hello={"pinned": False, "cpus": list(self.available_cpus(transport))},
            loaded={
                "runtime": {"name": request.runtime, "package": "trtexec", "version": tool.version_text},
                "options": options,
                "engine": {key: value for key, value in engine.items() if key not in ("path", "log")},
                "flags": flags,
                "gpu": _gpu(log),
                **_layer_facts(transport, flags),
            },
            done={
                "stopped_by": "floors",
                "count": len(samples.latency_ns),
                "elapsed_ns": None if log.sampling_s is None else int(log.sampling_s * 1e9),
                "warnings": list(log.warnings),
            },
            outputs=outputs_to,
            check_outputs=check_outputs,
            log=engine["log"] + text,
            sampled_unix_ns=clock.window_ns(),
            latency_covers=LATENCY_COVERS,
        )

    def _check(
        self,
        transport: Transport,
        tool: Tool,
        engine: str,
        request: RoundJob,
        inputs: list[dict[str, Any]],
        to: Path,
    ) -> Path:
        """What the engine computes for other inputs, written to `to`, in a call whose times nobody reads."""
        once = {"min_count": 1, "min_ns": 0}
        flags = measure_flags(tool, engine, "check-times.json", once, once)
        with given_inputs(transport, inputs) as given:
            flags += [*given, "--exportOutput=check-outputs.json"]
            completed = transport.run([tool.program, *flags], timeout_s=request.idle_timeout_s)
        _checked(completed, completed.stdout + completed.stderr, "checking outputs")
        _save_outputs(_pulled(transport, "check-outputs.json"), to)
        return to

    def tool(self, transport: Transport) -> Tool:
        """The trtexec on the device. Raises WorkerError (runtime-missing)."""
        if self._tool is None:
            program = self._options.program
            completed = transport.run([program, "--help"], timeout_s=_HELP_S)
            self._tool = parse_help(program, completed.stdout + completed.stderr)
            if self._tool is None:
                said = (completed.stderr or completed.stdout).strip().splitlines()
                raise WorkerError(
                    "runtime-missing",
                    f"{program} on the device does not answer like trtexec: "
                    f"{said[-1][:300] if said else 'it printed nothing'}",
                    "install JetPack's TensorRT (apt install tensorrt), or set `trtexec.program` in devices.yaml",
                )
        return self._tool

    def _engine(
        self,
        transport: Transport,
        tool: Tool,
        deployment: Deployment,
        options: dict[str, Any],
        float32_layers: Sequence[str],
        shapes: list[str],
        on_progress: ProgressHandler,
    ) -> dict[str, Any]:
        """The engine on the device, built unless it is there. The same command may build another one on another day,
        so that rounds and runs share one, and its hash is recorded."""
        workspace_mib = self._options.workspace_mib or _quarter_of_memory_mib(transport)
        what = (options["precision"], options["tf32"], workspace_mib, float32_layers)
        flags = build_flags(tool, deployment.path, "", *what) + shapes
        # Everything that decides what is built, but where the model lies in this session.
        hashes = (deployment.sha256, tuple(deployment.external_sha256.values()))
        key = repr((*hashes, tool.program, tool.version, flags[1:]))
        folder = transport.cachedir or transport.workdir
        path = f"{folder}/engine-{hashlib.sha256(key.encode()).hexdigest()}"
        facts: dict[str, Any] = {"path": path, "log": "", "cached": bool(transport.glob(path))}
        if not facts["cached"]:
            on_progress(Progress("building"))
            began_s = time.monotonic()
            flags = build_flags(tool, deployment.path, "building.engine", *what)
            completed = transport.run([tool.program, *flags, *shapes], timeout_s=self._options.build_timeout_s)
            facts["log"] = completed.stdout + completed.stderr
            log = _checked(completed, facts["log"], "building the engine")
            facts["build_s"] = log.build_s if log.build_s is not None else time.monotonic() - began_s
            _done(transport.run(["mv", "-f", "building.engine", path], timeout_s=_HELP_S), "keeping the engine")
        # Also tells apart what is in use from what may be thrown away.
        _done(transport.run(["touch", path], timeout_s=_HELP_S), "keeping the engine")
        return {**facts, **_file_facts(transport, path)}


def _file_facts(transport: Transport, path: str) -> dict[str, Any]:
    """Hash and size of an engine on the device."""
    hashed = _done(transport.run(["sha256sum", path], timeout_s=_HELP_S), "hashing the engine").stdout.split()
    size = _done(transport.run(["wc", "-c", path], timeout_s=_HELP_S), "measuring the engine").stdout.split()
    size_bytes = count(size[0]) if size else None
    if size_bytes is None or not hashed or not re.fullmatch(r"[0-9a-f]{64}", hashed[0]):
        raise WorkerError("protocol", f"the engine {path} on the device can be neither hashed nor measured")
    return {"sha256": hashed[0], "size_bytes": size_bytes}


class _InferenceClock:
    """When trtexec sampled, by this host's clock, from the moments its lines came in."""

    def __init__(self, warmup_ns: int) -> None:
        self.lines: list[str] = []
        self._warmup_ns = warmup_ns
        self._began_ns: int | None = None
        self._ended_ns: int | None = None

    def line(self, line: str) -> None:
        self.lines.append(line)
        if "Starting inference" in line:
            self._began_ns = time.time_ns()
        elif self._began_ns is not None and self._ended_ns is None:
            self._ended_ns = time.time_ns()

    def window_ns(self) -> tuple[int, int] | None:
        if self._began_ns is None or self._ended_ns is None:
            return None
        began_ns = self._began_ns + self._warmup_ns
        return (began_ns, self._ended_ns) if began_ns < self._ended_ns else None


def _quarter_of_memory_mib(transport: Transport) -> int:
    line = re.search(r"^MemTotal:\s+(\d+) kB", transport.read_text("/proc/meminfo") or "", re.M)
    total_kib = count(line[1]) if line else None
    return 256 if total_kib is None else max(16, total_kib // 4096)


def _checked(completed: Completed, text: str, doing: str) -> Log:
    """The log of a call that passed. Raises WorkerError with what went wrong."""
    log = parse_log(text)
    if was_killed(completed.returncode):
        raise WorkerError(
            "out-of-memory",
            f"trtexec was killed (SIGKILL) while {doing}, most likely because memory ran out",
            _LESS_MEMORY,
            text,
        )
    if log.failure is not None and log.failure.out_of_memory:
        raise WorkerError("out-of-memory", f"memory ran out while {doing}: {log.failure.reason}", _LESS_MEMORY, text)
    if completed.returncode != 0 or not log.passed:
        last = text.strip().splitlines()
        said = (log.failure and log.failure.reason) or (last[-1][:300] if last else "nothing was printed")
        raise WorkerError(
            "runtime-failed",
            f"trtexec failed while {doing} (code {completed.returncode}): {said}",
            "the whole log is in the run's evidence/; an operator that this TensorRT does not know needs another "
            "`onnx_opset`",
            text,
        )
    return log


def _gpu(log: Log) -> dict[str, str]:
    told = {"name": log.device, "uuid": log.device_uuid}
    return {key: text for key, text in told.items() if text is not None}


def _done(completed: Completed, doing: str) -> Completed:
    if completed.returncode != 0:
        said = completed.stderr.strip()[-300:]
        raise WorkerError("storage", f"{doing} failed on the device: {said}", "free space there")
    return completed


def _pulled(transport: Transport, name: str) -> str:
    with TemporaryFolder("trtexec") as folder:
        file = folder / name
        transport.pull(f"{transport.workdir}/{name}", file)
        return file.read_text(encoding="utf-8", errors="replace")


def _layer_facts(transport: Transport, flags: list[str]) -> dict[str, Any]:
    """How many layers compute in which precision; empty where this version does not tell."""
    if not any(flag.startswith("--exportLayerInfo") for flag in flags):
        return {}
    try:
        document = parse_json(_pulled(transport, LAYERS), finite=False)
    except UnreachableError:
        raise
    except (ValueError, DeviceError):
        return {}
    layers = document.get("Layers") if isinstance(document, dict) else None
    return layer_facts(layers) if isinstance(layers, list) else {}


def _save_outputs(text: str, to: Path) -> None:
    import numpy as np

    arrays: dict[str, Any] = dict(parse_outputs(text))
    np.savez(to, **arrays)
