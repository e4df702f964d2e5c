"""What can be wrong with the benchmark tool on a phone: is it there, what does it offer, and does each of it work?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench_worker.files import file_sha256
from latency_bench.devices.checks import Check
from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.runners.base import RoundJob
from latency_bench.devices.runners.benchmark_model_delegates import of_family
from latency_bench.devices.runners.benchmark_model_flags import tool_flags
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.benchmark_model_round import Processes
from latency_bench.devices.runners.benchmark_model_runtimes import RUNTIMES, ToolRuntime
from latency_bench.devices.runners.benchmark_model_tool import Tool, check_android, find_tool
from latency_bench.devices.runners.brought_libraries import Libraries, push_libraries
from latency_bench.devices.transports.base import Transport

MODEL = Path(__file__).with_name("doctor_model.tflite")
"""A few convolutions in fp32: nothing that a delegate could not take."""
_ONCE = {"min_count": 1, "max_count": 1, "min_ns": 0, "max_ns": 10**10, "window": 0}


def tool_checks(transport: Transport, settings: BenchmarkModelOptions, runtime: str) -> Iterator[Check]:
    """The tool itself, then one request by everything that it offers. What the device's own `runtime` cannot do is a
    failed check; what others cannot do is told, and no fault."""
    tool = find_tool(transport, settings)
    kind = "CompiledModel tool" if tool.compiled_model else "classic tool"
    yield Check("benchmark_model", "ok", f"{kind}, SHA-256 {tool.sha256[:12]}, {len(tool.flags)} flags")
    libraries = push_libraries(transport, "benchmark_model", settings.libraries, settings.delegate_library)
    model = transport.push(MODEL, f"{file_sha256(str(MODEL))[:16]}.tflite")
    for declared in RUNTIMES:
        yield _tried(transport, tool, settings, declared, libraries, model, needed=declared.name == runtime)


def _tried(
    transport: Transport,
    tool: Tool,
    settings: BenchmarkModelOptions,
    declared: type[ToolRuntime],
    libraries: Libraries,
    model: str,
    *,
    needed: bool,
) -> Check:
    chosen = declared.with_defaults({"allow_partial": True})
    once = settings.model_copy(update={"runs": 1, "warmup_runs": 1})
    request = replace(RoundJob(declared.name, chosen, [], _ONCE, _ONCE, None), idle_timeout_s=60.0)
    try:
        check_android(transport, declared)
        flags = tool_flags(tool.flags, declared, chosen, once, model, libraries)
        process = Processes(transport, tool, flags, chosen, declared, libraries, request, once, lambda _: None)
        taken = of_family(process.run().output.delegations, process.family)
    except UnreachableError:
        raise
    except DeviceError as error:
        if needed:
            return Check(declared.name, "failed", error.message, error.remedy)
        return Check(declared.name, "ok", f"not to be had: {error.message}")
    share = f", {taken.delegate} took {taken.share()}" if taken is not None else ""
    backend = f" by {taken.backend}" if taken is not None and taken.backend else ""
    return Check(declared.name, "ok", f"one request works{share}{backend}")
