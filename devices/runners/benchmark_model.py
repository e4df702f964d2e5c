"""The benchmark_model runner: TFLite's own tool, many short processes a round, each one giving one sample.

The tool does not export its single inferences. So a sample here is what one process says of all of its inferences,
their median, and the distribution is one over processes; the record says so in `sample_is` and in what the latency
covers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from devices.errors import DeviceError, InventoryError, WorkerError
from devices.probes.android_condition import read_condition
from devices.probes.android_cpus import read_cores, taskset_mask
from devices.runners.base import Columns, Deployment, Progress, ProgressHandler, RoundRequest, RoundResult, Runner
from devices.runners.benchmark_model_flags import RUNTIMES, effective_options, tool_flags
from devices.runners.benchmark_model_options import BenchmarkModelOptions
from devices.runners.benchmark_model_output import ToolOutput, parse_output
from devices.runners.benchmark_model_tool import Tool, find_tool
from devices.transports.base import Completed, Transport
from devices.worker.precision import SamplingEnd, median_interval
from devices.worker.request import SamplingBounds

if TYPE_CHECKING:
    from devices.device import Device

NO_OUTPUTS = "benchmark_model makes its own random input and gives no outputs"
_TIMER_RESOLUTION_NS = 1000
"""The tool counts whole microseconds."""
_OUT_OF_MEMORY_WORDS = ("std::bad_alloc", "Cannot allocate memory", "out of memory", "Failed to allocate")


@dataclass(frozen=True)
class _Process:
    start_ns: int
    """Since the round's first one, by the host's clock."""
    wall_ns: int
    output: ToolOutput

    @property
    def latency_ns(self) -> int:
        return round(self.output.typical_us * 1000)


class BenchmarkModelRunner(Runner):
    name = "benchmark_model"

    def __init__(self, settings: BenchmarkModelOptions | None = None, python: Sequence[str] | None = None) -> None:
        self._settings = settings or BenchmarkModelOptions()
        self._tool: Tool | None = None
        self._fixed = False

    @classmethod
    def for_device(cls, device: Device) -> BenchmarkModelRunner:
        return cls(device.benchmark_model)

    def artifact_format(self, runtime: str) -> str:
        if runtime not in RUNTIMES:
            raise InventoryError(f"runner benchmark_model has no runtime {runtime!r}", f"Known: {', '.join(RUNTIMES)}")
        return "tflite"

    def available_cpus(self, transport: Transport) -> tuple[int, ...]:
        """Slowest first, so that the last `threads` of them are the prime and big cores."""
        return tuple(core.number for core in read_cores(transport))

    def deploy(self, transport: Transport, artifact: Path, sha256: str) -> Deployment:
        if self._tool is None:
            self._tool = find_tool(transport, self._settings)
        if self._settings.fixed_performance and not self._fixed:
            _fix_performance(transport)
            self._fixed = True
        return super().deploy(transport, artifact, sha256)

    def measure(
        self,
        transport: Transport,
        deployment: Deployment,
        request: RoundRequest,
        outputs_to: Path,
        on_progress: ProgressHandler,
    ) -> RoundResult:
        if self._tool is None:
            self._tool = find_tool(transport, self._settings)
        chosen = effective_options(request.runtime, request.runtime_options)
        flags = tool_flags(self._tool.flags, request.runtime, chosen, self._settings, deployment.path)
        one_round = _Round(transport, self._tool, flags, chosen, request, self._settings, on_progress)
        before = read_condition(transport)
        on_progress(Progress("starting"))
        warmup = one_round.warm_up()
        on_progress(Progress("loaded"))
        first_unix_ns = time.time_ns()
        samples, stopped_by = one_round.sample()
        last_unix_ns = time.time_ns()
        after = read_condition(transport)
        outputs = [process.output for process in (*warmup, *samples)]
        _check_alike(outputs)
        on_cpu = request.runtime == "litert"
        sample_is = f"{outputs[0].statistic} of {self._settings.runs} inferences of one process"
        covers, transfer_counted = _covers(self._tool, on_cpu)
        latencies = sorted(process.latency_ns for process in samples)
        interval = median_interval(latencies, float(request.sampling["confidence"]))
        return RoundResult(
            warmup=_columns(warmup, on_cpu),
            samples=_columns(samples, on_cpu),
            hello={
                "pinned": request.cpus is not None,
                "cpus": list(request.cpus or ()),
                "fixed_performance": self._fixed,
                "condition_before": before,
            },
            loaded={
                **_loaded(self._tool, outputs[0], chosen, flags),
                "sample_is": sample_is,
                "transfer_counted": transfer_counted,
            },
            done={
                "count": len(samples),
                "elapsed_ns": samples[-1].start_ns + samples[-1].wall_ns - samples[0].start_ns,
                "stopped_by": stopped_by,
                "median_ns": median(latencies),
                "interval_ns": None if interval is None else [interval.low_ns, interval.high_ns],
                "timer_resolution_ns": _TIMER_RESOLUTION_NS,
                "inferences_per_sample": self._settings.runs,
                "warmup_inferences_per_sample": self._settings.warmup_runs,
                "process_wall_ns": median(process.wall_ns for process in samples),
                "condition_after": after,
            },
            outputs=None,
            log="".join(one_round.printed),
            sampled_unix_ns=(first_unix_ns, last_unix_ns),
            no_outputs_because=NO_OUTPUTS,
            latency_covers=f"{covers}; a sample is the {sample_is}",
        )


class _Round:
    """The processes of one round."""

    def __init__(
        self,
        transport: Transport,
        tool: Tool,
        flags: list[str],
        chosen: dict[str, Any],
        request: RoundRequest,
        settings: BenchmarkModelOptions,
        on_progress: ProgressHandler,
    ) -> None:
        pinned = ["taskset", taskset_mask(request.cpus)] if request.cpus else []
        self._argv = [*pinned, tool.path, *flags]
        self._transport, self._tool, self._chosen = transport, tool, chosen
        self._request, self._settings, self._on_progress = request, settings, on_progress
        self._origin_ns = time.monotonic_ns()
        self.printed: list[str] = []

    def warm_up(self) -> list[_Process]:
        """Processes until the floor in time; one at least, for the file cache and the governor."""
        bounds = self._request.warmup
        floor_ns, cap_ns = int(bounds["min_ns"]), int(bounds["max_ns"])
        done: list[_Process] = []
        if floor_ns == 0 and int(bounds["min_count"]) == 0:
            return done
        began_ns = time.monotonic_ns()
        while not done or (elapsed_ns := time.monotonic_ns() - began_ns) < min(floor_ns, cap_ns - done[-1].wall_ns):
            if done:
                self._tell("warmup", done, elapsed_ns)
            done.append(self._run())
        return done

    def sample(self) -> tuple[list[_Process], str]:
        """Processes until the median is known well enough or a cap is reached, and why it ended."""
        bounds = SamplingBounds(**{name: self._request.sampling[name] for name in SamplingBounds._fields})
        end = SamplingEnd(bounds)
        done: list[_Process] = []
        began_ns = time.monotonic_ns()
        while True:
            done.append(self._run())
            elapsed_ns = time.monotonic_ns() - began_ns
            self._tell("sampling", done, elapsed_ns)
            if reason := end.reason([process.latency_ns for process in done], len(done), elapsed_ns):
                return done, reason
            # The cap in time is kept: no process is begun that will not end before it.
            if elapsed_ns + max(process.wall_ns for process in done) > bounds.max_ns:
                return done, "max_ns"

    def _run(self) -> _Process:
        start_ns = time.monotonic_ns()
        silent_s = min(self._request.idle_timeout_s, self._settings.max_process_s + 60)
        completed = self._transport.run(
            self._argv, idle_timeout_s=silent_s, timeout_s=2 * self._settings.max_process_s + silent_s
        )
        wall_ns = time.monotonic_ns() - start_ns
        printed = f"$ {' '.join(self._argv)}\n{completed.stdout}{completed.stderr}\n"
        self.printed.append(printed)
        try:
            _check_ended(completed)
            output = parse_output(completed.stdout, completed.stderr)
            self._check(output)
        except WorkerError as error:
            error.log = "".join(self.printed)
            raise
        return _Process(start_ns - self._origin_ns, wall_ns, output)

    def _check(self, output: ToolOutput) -> None:
        """Was done what was asked for: all inferences, in the delegate?"""
        counts = [("inferences", output.inference, self._settings.runs)]
        if output.warmup is not None:
            counts.append(("warm-up inferences", output.warmup, self._settings.warmup_runs))
        for what, statistics, wanted in counts:
            if statistics.count != wanted:
                raise WorkerError(
                    "runtime-failed",
                    f"benchmark_model made {statistics.count} {what}, not {wanted}",
                    "raise `max_process_s` or lower `runs` in the device's `benchmark_model`",
                )
        if output.typical_us <= 0:
            raise WorkerError(
                "protocol",
                "benchmark_model reports 0 us an inference: the model is too small for its clock of 1 us",
                "choose a larger model or resolution",
            )
        delegate = "GPU" if self._request.runtime == "litert-gpu" else "XNNPACK" if self._chosen["xnnpack"] else None
        if delegate is None or self._tool.compiled_model:
            # The CompiledModel tool does not say; on the GPU its own --require_full_delegation demands it.
            return
        taken = [one for one in output.delegations if delegate in one.delegate.upper()]
        if not taken:
            raise WorkerError(
                "runtime-failed",
                f"benchmark_model did not say that it applied the {delegate} delegate",
                "its output is in the run's evidence; try another build of the tool (docs/android.md)",
            )
        if not taken[0].full and not self._chosen["allow_partial"]:
            raise WorkerError(
                "runtime-failed",
                f"only a part of the model runs in the {delegate} delegate ({taken[0].kernels or 'some'} partitions)",
                "measure it all the same with --runtime-option allow_partial=true; the record says so",
            )

    def _tell(self, stage: str, done: list[_Process], elapsed_ns: int) -> None:
        middle_ms = median(process.latency_ns for process in done) / 1e6
        self._on_progress(Progress(stage, len(done), elapsed_ns / 1e9, middle_ms))


def _check_ended(completed: Completed) -> None:
    if completed.returncode == 0:
        return
    said = [line for line in completed.stderr.splitlines() if "ERROR" in line] or completed.stderr.splitlines()
    words = re.sub(r"^ERROR: ", "", said[0].strip())[:300] if said else "it printed no reason"
    if completed.returncode == -9 or any(one in completed.stderr for one in _OUT_OF_MEMORY_WORDS):
        raise WorkerError(
            "out-of-memory",
            f"benchmark_model was killed, most likely because memory ran out ({words})",
            "close apps on the device, or choose a smaller model or resolution",
        )
    raise WorkerError(
        "runtime-failed",
        f"benchmark_model ended with code {completed.returncode}: {words}",
        "its whole output is in the run's evidence",
    )


def _check_alike(outputs: list[ToolOutput]) -> None:
    if len({(one.statistic, one.generation, one.delegations) for one in outputs}) > 1:
        raise WorkerError("protocol", "the processes of one round report different statistics or delegates")


def _covers(tool: Tool, on_cpu: bool) -> tuple[str, bool | None]:
    """What the tool's clock covers, in words, and whether copies in and out are in it; None where that is unknown."""
    if tool.compiled_model:
        if on_cpu:
            return "inference only (CompiledModel.Run), the input written before", False
        return "CompiledModel.Run as it returns; it is unknown which copies that waits for", None
    if on_cpu:
        return "inference only (Invoke), the input copied before", False
    return "inference with the delegate's copies in and out (Invoke)", True


def _loaded(tool: Tool, output: ToolOutput, chosen: dict[str, Any], flags: list[str]) -> dict[str, Any]:
    delegation = output.delegations[0] if output.delegations else None
    return {
        "runtime": {
            "name": "benchmark_model",
            "package": f"benchmark_model ({output.generation})",
            # The tool does not print its version; its hash tells builds apart.
            "version": f"benchmark_model {tool.sha256[:12]}",
        },
        "options": chosen,
        "tool": {"path": tool.path, "sha256": tool.sha256, "flags": flags},
        "delegation": None
        if delegation is None
        else {"delegate": delegation.delegate, "full": delegation.full, "partitions": delegation.kernels},
        "load_ns": None if output.init_us is None else round(output.init_us * 1000),
        "memory_delta_bytes": None if output.memory_delta_mb is None else round(output.memory_delta_mb * 2**20),
    }


def _columns(processes: list[_Process], on_cpu: bool) -> Columns:
    import numpy as np

    latency_ns = np.array([process.latency_ns for process in processes], dtype=np.int64)
    start_ns = np.array([process.start_ns for process in processes], dtype=np.int64)
    return Columns(start_ns, latency_ns, {"compute": latency_ns.copy()} if on_cpu else {})


def _fix_performance(transport: Transport) -> None:
    """Android's fixed performance mode: clocks that the phone can hold for long. Reset by the device at the end."""
    command = ["cmd", "power", "set-fixed-performance-mode-enabled"]
    transport.at_end([*command, "false"])
    done = transport.run([*command, "true"], timeout_s=30)
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).split())[:200]
        raise DeviceError(
            f"the device has no fixed performance mode: {said or 'no reason given'}",
            "it needs Android 11 and up; leave `fixed_performance` out",
        )
