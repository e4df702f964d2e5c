"""Where the time goes, operator by operator: a run of its own, because profiling slows the tool down.

The tool's table is not valid CSV: operator types contain commas and nothing is quoted. The seven columns after the type
never contain one (commas in names are printed as tabs), so a line is read from its right end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench_worker.runtime.base import LayerTime
from latency_bench.devices import numerals
from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.runners.base import Profile
from latency_bench.devices.runners.benchmark_model_round import Processes
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
    """Of one call."""
    share: float
    """Of the sum over all operators, 0 to 1."""
    calls: int


def parse_profile(text: str) -> list[OperatorTime]:
    """The operators of the regular runs. Raises WorkerError with the line that does not parse."""
    _, found, section = text.partition(_SECTION)
    if not found:
        raise WorkerError("protocol", f"benchmark_model's profile does not list operators: {text[:200]!r}")
    lines = iter(section.splitlines())
    for line in lines:
        rule = _RULE.fullmatch(line.strip())
        if rule and rule.group(1) == "Run Order":
            break
    header = next(lines, "").strip()
    if header not in (_HEADER, _HEADER_WITH_START):
        raise WorkerError("protocol", "benchmark_model's profile has a header that bench does not know")
    operators = []
    for line in lines:
        if not line.strip():
            break
        operators.append(_operator(line, 8 if header == _HEADER_WITH_START else 7))
    if not operators:
        raise WorkerError("protocol", "benchmark_model's profile has a table of operators with no rows")
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


def profile(transport: Transport, process: Processes, requests: int) -> Profile:
    """Run the tool once with its profiler on. Its latencies are thrown away. Raises DeviceError, WorkerError."""
    table = f"{transport.workdir}/profile.csv"
    # The newer tool has a format and a file, the older one a file that is always CSV.
    if "op_profiling_output_file" in process.tool.flags:
        wanted = ["--op_profiling_output_mode=csv", f"--op_profiling_output_file={table}"]
    elif "profiling_output_csv_file" in process.tool.flags:
        wanted = [f"--profiling_output_csv_file={table}"]
    else:
        raise DeviceError("this build of benchmark_model cannot write a profile", "get another build (docs/android.md)")
    done = process.start("--enable_op_profiling=true", *wanted)
    text = transport.read_text(table)
    if done.returncode != 0 or text is None:
        said = " ".join(done.stderr.split())[-300:] or "it printed no reason"
        raise WorkerError("runtime-failed", f"benchmark_model wrote no profile: {said}", log=done.stdout + done.stderr)
    layers = [
        LayerTime(one.name, one.type, one.calls * requests, round(one.mean_ms * one.calls * requests * 1e6))
        for one in parse_profile(text)
    ]
    return Profile(requests, tuple(sorted(layers, key=lambda layer: -layer.total_ns)))
