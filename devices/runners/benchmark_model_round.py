"""The processes of one round: TFLite's tool started again and again, each process checked and giving one sample."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench_worker.job import SamplingBounds
from bench_worker.stopping import SamplingEnd
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.probes.android_cpus import taskset_mask
from latency_bench.devices.runners.base import Progress, ProgressHandler, RoundJob
from latency_bench.devices.runners.benchmark_model_delegates import check_delegation
from latency_bench.devices.runners.benchmark_model_failures import failure_of
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.benchmark_model_output import ToolOutput, parse_output
from latency_bench.devices.runners.benchmark_model_runtimes import ToolRuntime
from latency_bench.devices.runners.benchmark_model_tool import Tool
from latency_bench.devices.runners.brought_libraries import Libraries
from latency_bench.devices.transports.base import Completed, Transport


@dataclass(frozen=True)
class Process:
    start_ns: int
    """Since the round's first one, by the host's clock."""
    wall_ns: int
    output: ToolOutput

    @property
    def latency_ns(self) -> int:
        return round(self.output.typical_us * 1000)


class Processes:
    """The processes of one round."""

    def __init__(
        self,
        transport: Transport,
        tool: Tool,
        flags: list[str],
        chosen: dict[str, Any],
        declared: type[ToolRuntime],
        libraries: Libraries,
        request: RoundJob,
        settings: BenchmarkModelOptions,
        on_progress: ProgressHandler,
    ) -> None:
        pinned = ["taskset", taskset_mask(request.cpus)] if request.cpus else []
        self.argv = [*pinned, tool.path, *flags]
        self.tool, self.flags, self.chosen = tool, flags, chosen
        self.libraries, self._declared, self.on_cpu = libraries, declared, declared.ON_CPU
        self._transport = transport
        self._request, self._settings, self._on_progress = request, settings, on_progress
        self._origin_ns = time.monotonic_ns()
        self.printed: list[str] = []

    @property
    def family(self) -> str | None:
        """The delegate that was asked for; None where the tool's own kernels were."""
        return None if self.on_cpu and not self.chosen["xnnpack"] else self._declared.DELEGATE

    def warm_up(self) -> list[Process]:
        """Processes until the floor in time; one at least, for the file cache and the governor."""
        bounds = self._request.warmup
        floor_ns, cap_ns = int(bounds["min_ns"]), int(bounds["max_ns"])
        done: list[Process] = []
        if floor_ns == 0 and int(bounds["min_count"]) == 0:
            return done
        began_ns = time.monotonic_ns()
        while not done or (elapsed_ns := time.monotonic_ns() - began_ns) < min(floor_ns, cap_ns - done[-1].wall_ns):
            if done:
                self._tell("warmup", done, elapsed_ns)
            done.append(self.run())
        return done

    def sample(self) -> tuple[list[Process], str]:
        """Processes until the median is known well enough or a cap is reached, and why it ended."""
        bounds = SamplingBounds(**{name: self._request.sampling[name] for name in SamplingBounds._fields})
        end = SamplingEnd(bounds)
        done: list[Process] = []
        began_ns = time.monotonic_ns()
        while True:
            done.append(self.run())
            elapsed_ns = time.monotonic_ns() - began_ns
            self._tell("sampling", done, elapsed_ns)
            if reason := end.reason([process.latency_ns for process in done], len(done), elapsed_ns):
                return done, reason
            # The cap in time is kept: no process is begun that will not end before it.
            if elapsed_ns + max(process.wall_ns for process in done) > bounds.max_ns:
                return done, "max_ns"

    def run(self, *extra: str) -> Process:
        """One process, with further arguments. Raises WorkerError unless it did all that was asked for."""
        start_ns = time.monotonic_ns()
        argv = [*self.argv, *extra]
        completed = self.start(*extra)
        wall_ns = time.monotonic_ns() - start_ns
        printed = f"$ {' '.join(argv)}\n{completed.stdout}{completed.stderr}\n"
        self.printed.append(printed)
        try:
            if (failure := failure_of(completed, self.family)) is not None:
                raise failure
            output = parse_output(completed.stdout, completed.stderr)
            self._check(output)
        except WorkerError as error:
            error.log = "".join(self.printed)
            raise
        return Process(start_ns - self._origin_ns, wall_ns, output)

    def start(self, *extra: str) -> Completed:
        """The tool once, to its end, whatever that is."""
        silent_s = min(self._request.idle_timeout_s, self._settings.max_process_s + 60)
        argv = [*self.argv, *extra]
        limit_s = 2 * self._settings.max_process_s + silent_s
        environment = self.libraries.environment()
        return self._transport.run(argv, env=environment, idle_timeout_s=silent_s, timeout_s=limit_s)

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
        if self.family is None:
            return
        # The CompiledModel tool says nothing of the processor's kernels, and without allow_partial it demands the whole
        # model of others itself (--require_full_delegation).
        allowed = bool(self.chosen["allow_partial"])
        told = not self.tool.compiled_model or (allowed and not self.on_cpu)
        check_delegation(output.delegations, self.family, allow_partial=allowed, must_be_told=told)

    def _tell(self, stage: str, done: list[Process], elapsed_ns: int) -> None:
        middle_ms = median(process.latency_ns for process in done) / 1e6
        self._on_progress(Progress(stage, len(done), elapsed_ns / 1e9, middle_ms))
