"""The benchmark_model runner: TFLite's own tool, many short processes a round, each one giving one sample.

The tool does not export its single inferences. So a sample here is what one process says of all of its inferences,
their median, and the distribution is one over processes; the record says so in `sample_is` and in what the latency
covers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench_worker.stopping import median_interval
from latency_bench.devices.checks import Check
from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.probes.android_condition import read_condition
from latency_bench.devices.probes.android_cpus import read_cores
from latency_bench.devices.runners.base import (
    Columns,
    Deployment,
    Profile,
    Progress,
    ProgressHandler,
    RoundJob,
    RoundResult,
    Runner,
)
from latency_bench.devices.runners.benchmark_model_delegates import Delegation, of_family
from latency_bench.devices.runners.benchmark_model_flags import tool_flags
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.benchmark_model_output import ToolOutput
from latency_bench.devices.runners.benchmark_model_outputs import (
    fetch_outputs,
    given_inputs,
    shape_flags,
    why_no_outputs,
)
from latency_bench.devices.runners.benchmark_model_profile import profile
from latency_bench.devices.runners.benchmark_model_round import Process, Processes
from latency_bench.devices.runners.benchmark_model_runtimes import RUNTIMES, ToolRuntime
from latency_bench.devices.runners.benchmark_model_tool import Tool, check_android, find_tool
from latency_bench.devices.runners.brought_libraries import Libraries, push_libraries
from latency_bench.devices.transports.base import Transport

if TYPE_CHECKING:
    from latency_bench.devices.device import Device

_TIMER_RESOLUTION_NS = 1000
"""The tool counts whole microseconds."""


class BenchmarkModelRunner(Runner):
    name = "benchmark_model"
    RUNTIMES = RUNTIMES

    def __init__(self, settings: BenchmarkModelOptions | None = None, python: Sequence[str] | None = None) -> None:
        self._settings = settings or BenchmarkModelOptions()
        self._tool: Tool | None = None
        self._libraries: Libraries | None = None
        self._fixed = False
        self._compared: set[tuple[str, str]] = set()
        """Files (by hash) and runtimes whose outputs were fetched already: a session fetches them once."""

    @classmethod
    def for_device(cls, device: Device) -> BenchmarkModelRunner:
        return cls(device.benchmark_model)

    def checks(self, transport: Transport, runtime: str, options: Mapping[str, Any]) -> Iterator[Check]:
        from latency_bench.devices.runners.benchmark_model_checks import tool_checks

        yield from tool_checks(transport, self._settings, runtime)

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
        request: RoundJob,
        outputs_to: Path,
        on_progress: ProgressHandler,
    ) -> RoundResult:
        one_round = self._processes(transport, deployment, request, self._settings, on_progress)
        on_cpu = one_round.on_cpu
        on_progress(Progress("starting"))
        given, check_outputs, no_outputs_because = self._outputs(transport, deployment, request, outputs_to, one_round)
        before = read_condition(transport)
        warmup = one_round.warm_up()
        on_progress(Progress("loaded"))
        first_unix_ns = time.time_ns()
        samples, stopped_by = one_round.sample()
        last_unix_ns = time.time_ns()
        after = read_condition(transport)
        outputs = [process.output for process in (*warmup, *samples)]
        _check_alike(outputs)
        sample_is = f"{outputs[0].statistic} of {self._settings.runs} inferences of one process"
        covers, transfer_counted = _covers(one_round.tool, on_cpu)
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
                **_loaded(one_round, outputs[0]),
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
            outputs=given,
            check_outputs=check_outputs,
            log="".join(one_round.printed),
            sampled_unix_ns=(first_unix_ns, last_unix_ns),
            no_outputs_because=no_outputs_because,
            latency_covers=f"{covers}; a sample is the {sample_is}",
        )

    def profile(self, transport: Transport, deployment: Deployment, job: RoundJob, requests: int) -> Profile:
        settings = self._settings.model_copy(update={"runs": requests})
        return profile(transport, self._processes(transport, deployment, job, settings, lambda _: None), requests)

    def _processes(
        self,
        transport: Transport,
        deployment: Deployment,
        request: RoundJob,
        settings: BenchmarkModelOptions,
        on_progress: ProgressHandler,
    ) -> Processes:
        """The tool on the device, with the flags that the request means."""
        if self._tool is None:
            self._tool = find_tool(transport, self._settings)
        chosen = self.options(request.runtime, request.runtime_options)
        declared = _declared(request.runtime)
        if self._libraries is None:
            brought = self._settings.libraries, self._settings.delegate_library
            self._libraries = push_libraries(transport, self.name, *brought)
        flags = tool_flags(self._tool.flags, declared, chosen, settings, deployment.path, self._libraries)
        flags += shape_flags(self._tool, request)
        check_android(transport, declared)
        return Processes(
            transport, self._tool, flags, chosen, declared, self._libraries, request, settings, on_progress
        )

    def _outputs(
        self, transport: Transport, deployment: Deployment, request: RoundJob, to: Path, one_round: Processes
    ) -> tuple[Path | None, dict[str, Path], str | None]:
        """The outputs for the seeded input and for those of the checks, or why there are none."""
        if because := why_no_outputs(one_round.tool, request, one_round.chosen):
            return None, {}, because
        key = (deployment.sha256, request.runtime)
        if key in self._compared and not request.checks:
            return None, {}, "compared in the session's first round"
        once = self._settings.model_copy(update={"runs": 1, "warmup_runs": 1})
        remote = f"{transport.workdir}/outputs.bin"
        # The sizes of all inputs are told with their values here.
        fed = replace(request, resized_inputs=())
        checks = {name: to.with_name(f"{to.stem}-{name}.npz") for name in request.checks}
        for described, file in [(request.inputs, to), *zip(request.checks.values(), checks.values(), strict=True)]:
            process = self._processes(transport, deployment, fed, once, lambda _: None)
            try:
                with given_inputs(transport, described) as inputs:
                    process.run(*inputs, f"--output_filepath={remote}")
            finally:
                one_round.printed += process.printed
            fetch_outputs(transport, remote, request.outputs, file)
        self._compared.add(key)
        return to, checks, None


def _declared(name: str) -> type[ToolRuntime]:
    return next(declared for declared in RUNTIMES if declared.name == name)


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


def _loaded(one_round: Processes, output: ToolOutput) -> dict[str, Any]:
    tool, delegation = one_round.tool, of_family(output.delegations, one_round.family)
    return {
        "runtime": {
            "name": "benchmark_model",
            "package": f"benchmark_model ({output.generation})",
            # The tool does not print its version; its hash tells builds apart.
            "version": f"benchmark_model {tool.sha256[:12]}",
        },
        "options": one_round.chosen,
        "tool": {**tool.facts(one_round.libraries), "flags": one_round.flags},
        "delegation": None if delegation is None else _delegation(delegation),
        "load_ns": None if output.init_us is None else round(output.init_us * 1000),
        "memory_delta_bytes": None if output.memory_delta_mb is None else round(output.memory_delta_mb * 2**20),
    }


def _delegation(delegation: Delegation) -> dict[str, Any]:
    """As the record has it: which delegate took how many nodes of how many, in how many partitions, by what backend."""
    told = {"nodes": delegation.of_nodes, "delegated": delegation.nodes, "backend": delegation.backend}
    return {
        "delegate": delegation.delegate,
        "full": delegation.full,
        "partitions": delegation.kernels,
        **{name: value for name, value in told.items() if value is not None},
    }


def _columns(processes: list[Process], on_cpu: bool) -> Columns:
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
            f"the device refused the fixed performance mode: {said or 'it gave no reason'}",
            "it needs Android 11 and up; leave `fixed_performance` out",
        )
