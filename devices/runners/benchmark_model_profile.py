"""Where the time goes, operator by operator: a run of its own, because profiling slows the tool down.

The tool's table is not valid CSV: operator types contain commas and nothing is quoted. The seven columns after the type
never contain one (commas in names are printed as tabs), so a line is read from its right end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latency_bench.devices import numerals
from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.runners.base import Deployment
from latency_bench.devices.runners.benchmark_model_flags import effective_options, tool_flags
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.benchmark_model_tool import find_tool
from latency_bench.devices.transports.base import Transport

_HEADER = "node type, first, avg_ms, %, cdf%, mem KB, times called, name"
_HEADER_WITH_START = "node type, start, first, avg_ms, %, cdf%, mem KB, times called, name"
"""TensorFlow 2.4 to 2.8."""
_SECTION = "Operator-wise Profiling Info for Regular Benchmark Runs"
_RULE = re.compile(r"=+ ([\w ]+) =+")


@dataclass(frozen=True)
class OperatorTime:
    """One operator of the graph, in the order of execution."""

    type: str
    name: str
    mean_ms: float
    share: float
    """Of the sum over all operators, 0 to 1."""
    calls: int


def parse_profile(text: str) -> list[OperatorTime]:
    """The operators of the regular runs. Raises WorkerError with the line that does not parse."""
    _, found, section = text.partition(_SECTION)
    if not found:
        raise WorkerError("protocol", f"benchmark_model's profile has no section of operators: {text[:200]!r}")
    lines = iter(section.splitlines())
    for line in lines:
        rule = _RULE.fullmatch(line.strip())
        if rule and rule.group(1) == "Run Order":
            break
    header = next(lines, "").strip()
    if header not in (_HEADER, _HEADER_WITH_START):
        raise WorkerError("protocol", "benchmark_model's profile has another header than the known one")
    operators = []
    for line in lines:
        if not line.strip():
            break
        operators.append(_operator(line, 8 if header == _HEADER_WITH_START else 7))
    if not operators:
        raise WorkerError("protocol", "benchmark_model's profile lists no operators")
    return operators


def _operator(line: str, columns: int) -> OperatorTime:
    """`columns`: how many follow the type. Before the name these are mean, share, two that are not used, and calls."""
    fields = line.rsplit(", ", columns)
    numbers = [number for field in fields[1:-1] if (number := numerals.number(field.removesuffix("%"))) is not None]
    if len(fields) != columns + 1 or len(numbers) != columns - 1 or min(numbers[-5:]) < 0:
        raise WorkerError("protocol", f"a line of benchmark_model's profile does not parse: {line.strip()[:200]!r}")
    mean_ms, share_percent, _, _, calls = numbers[-5:]
    name = fields[-1].replace("\t", ",").strip()
    return OperatorTime(fields[0].strip(), name, mean_ms, share_percent / 100, int(calls))


def profile(
    transport: Transport,
    settings: BenchmarkModelOptions,
    deployment: Deployment,
    runtime: str,
    options: Mapping[str, Any],
) -> list[OperatorTime]:
    """Run the tool once with its profiler on. Its latencies are thrown away. Raises DeviceError, WorkerError."""
    tool = find_tool(transport, settings)
    flags = tool_flags(tool.flags, runtime, effective_options(runtime, options), settings, deployment.path)
    table = f"{transport.workdir}/profile.csv"
    # The newer tool has a format and a file, the older one a file that is always CSV.
    if "op_profiling_output_file" in tool.flags:
        wanted = ["--op_profiling_output_mode=csv", f"--op_profiling_output_file={table}"]
    elif "profiling_output_csv_file" in tool.flags:
        wanted = [f"--profiling_output_csv_file={table}"]
    else:
        raise DeviceError("this build of benchmark_model cannot write a profile", "get another build (docs/android.md)")
    limit_s = 2 * settings.max_process_s + 60
    done = transport.run([tool.path, *flags, "--enable_op_profiling=true", *wanted], timeout_s=limit_s)
    text = transport.read_text(table)
    if done.returncode != 0 or text is None:
        said = " ".join(done.stderr.split())[-300:] or "it printed no reason"
        raise WorkerError("runtime-failed", f"benchmark_model wrote no profile: {said}", log=done.stdout + done.stderr)
    return parse_profile(text)
