"""What TFLite's benchmark tool prints, read without trust: a line that is not understood is an error, never a 0.

Two generations print the same statistics: the classic tool (TFLite's Interpreter) and the one of LiteRT's
CompiledModel, which adds a block of its own in milliseconds. Versions differ in prefixes (`INFO:` or none) and in
percentiles, which came late; a mean is used where no median is printed, and the result says so. Forms of the statistics
that occur: `count=0`, `count=1 curr=7340`, `count=50 curr=57(all same)`, these with ` p5=57 median=57 p95=57` behind
them in newer versions, and the full one with exponents (`avg=1.10911e+08`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from latency_bench.devices import numerals
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.benchmark_model_delegates import DelegateLines, Delegation

_NUMBER = numerals.NUMBER
_FIELD = re.compile(rf"\b(count|first|curr|min|max|avg|std|p5|median|p95)=({_NUMBER})(?=[\s(]|$)")
_STATISTICS = re.compile(r"^(?:\w+: ?)?(?:\[[^\]]*\] ?)?(count=.*)$")
_SAME = re.compile(r"\s*\(all same\)(?=\s|$)")
_PERCENTILES = {"p5", "median", "p95"}
_STAGE = re.compile(r"Running benchmark for at least ([0-9]{1,9}) iterations? and at least")
_TIMINGS = re.compile(
    rf"Inference timings in us: Init: ({_NUMBER}), First inference: ({_NUMBER}), "
    rf"Warmup \(avg\): ({_NUMBER}), Inference \(avg\): ({_NUMBER})\s*$"
)
_AVERAGE = re.compile(
    rf"Average inference timings in us: Warmup: ({_NUMBER}), Init: ({_NUMBER}), (?:no|with) stats: ({_NUMBER})\s*$"
)
"""TensorFlow 1.14 and 1.15."""
_COMPILED = re.compile(rf"Inference \(avg\):\s+({_NUMBER}) ms(?: \(([0-9]{{1,9}}) runs\))?\s*$")
_UNCONSUMED = re.compile(r"Unconsumed cmdline flags:\s*(.*)$")
_MEMORY = re.compile(rf"Memory footprint delta from the start of the tool \(MB\): init=({_NUMBER}) overall=({_NUMBER})")
_COMPILED_MEMORY = re.compile(rf"Overall footprint:\s+({_NUMBER}) MB\s*$")
_INITIALISED = re.compile(rf"Initialized session in ({_NUMBER})ms\.?\s*$")
_COMPILED_INITIALISED = re.compile(rf"Model initialization:\s+({_NUMBER}) ms\s*$")
_LARGEST_US = 1e12
"""Eleven days: a larger time is no time."""
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Statistics:
    """One line of statistics over the inferences of a stage, in microseconds."""

    count: int
    mean_us: float
    min_us: float
    max_us: float
    median_us: float | None
    """None where the tool prints no percentiles."""


@dataclass(frozen=True)
class ToolOutput:
    """What one process reported."""

    warmup: Statistics | None
    inference: Statistics
    init_us: float | None
    first_us: float | None
    delegations: tuple[Delegation, ...]
    memory_delta_mb: float | None
    """Growth of the process's memory from the tool's start to its end, as the tool has it."""
    generation: Literal["classic", "compiled-model"]

    @property
    def typical_us(self) -> float:
        """The median; the mean of a tool that prints none."""
        return self.inference.mean_us if self.inference.median_us is None else self.inference.median_us

    @property
    def statistic(self) -> Literal["median", "mean"]:
        return "mean" if self.inference.median_us is None else "median"


def parse_statistics(text: str) -> Statistics:
    """One `count=...` line. Raises WorkerError with the text where it is none, or its numbers contradict each other."""
    found = _STATISTICS.match(text.strip())
    pairs = _FIELD.findall(found.group(1)) if found else []
    fields = dict(pairs)
    words = _SAME.sub("", found.group(1)).split() if found else []
    if (
        len(pairs) != len(fields)
        or len(words) != len(fields)
        or not re.fullmatch(r"[0-9]{1,9}", fields.get("count", ""))
    ):
        raise _unreadable(text)
    count = int(fields["count"])
    if count == 0:
        raise WorkerError("protocol", f"benchmark_model reported that it ran no inference: {text.strip()[:200]!r}")
    if "avg" not in fields:
        # One value, or all the same: only the last one is printed, and where there are percentiles, these.
        alike = {fields.get(name, fields.get("curr")) for name in ("curr", *_PERCENTILES)}
        if set(fields) - _PERCENTILES != {"count", "curr"} or len(alike) != 1:
            raise _unreadable(text)
        if count > 1 and not _SAME.search(found.group(1) if found else ""):
            raise _unreadable(text)
        value = _us(fields["curr"], text)
        return Statistics(count, value, value, value, value)
    if missing := {"first", "curr", "min", "max"} - set(fields):
        raise WorkerError(
            "protocol", f"benchmark_model's line lacks {', '.join(sorted(missing))}: {text.strip()[:200]!r}"
        )
    low, high, mean = (_us(fields[name], text) for name in ("min", "max", "avg"))
    median = _us(fields["median"], text) if "median" in fields else None
    # The mean is printed with six digits, so it may lie beside the extremes by its rounding.
    if not low <= high or not low * (1 - 1e-5) <= mean <= high * (1 + 1e-5):
        raise _unreadable(text)
    if median is not None and not low <= median <= high:
        raise _unreadable(text)
    return Statistics(count, mean, low, high, median)


def parse_output(stdout: str, stderr: str = "") -> ToolOutput:
    """Everything that one process printed.

    Raises WorkerError: `protocol` where a line is not understood or is missing, `runtime-failed` where the tool ignored
    a flag, because it has then measured something else than was asked for.
    """
    by_stage: list[Statistics] = []
    stages = 0
    delegates = DelegateLines()
    timings: list[float] | None = None
    compiled: tuple[float, int | None] | None = None
    memory_mb: float | None = None
    init_us: float | None = None
    timings_mean_us: float | None = None
    for whole_line in (stdout + "\n" + stderr).splitlines():
        line = whole_line[:_LONGEST_LINE]
        if found := _UNCONSUMED.search(line):
            raise WorkerError(
                "runtime-failed",
                f"benchmark_model ignored {found.group(1).strip()[:200]}, so it measured something else",
                "this build of the tool does not know the flag: get another build (docs/android.md) or drop the option",
            )
        if _STAGE.search(line):
            stages += 1
        elif "Profiling Info for" in line or "== Run Order ==" in line:
            # What follows has lines of statistics of its own, about operators.
            break
        elif "count=" in line:
            by_stage.append(parse_statistics(line))
        elif "Inference timings in us" in line:
            if not (found := _TIMINGS.search(line)):
                raise _unreadable(line)
            timings = [_us(text, line) for text in found.groups()]
            timings_mean_us = timings[3]
        elif "Inference (avg):" in line:
            if not (found := _COMPILED.search(line)):
                raise _unreadable(line)
            compiled = (_us(found.group(1), line) * 1000, int(found.group(2)) if found.group(2) else None)
        elif delegates.read(line):
            continue
        elif found := _MEMORY.search(line):
            memory_mb = _finite(found.group(2), line)
        elif found := _COMPILED_MEMORY.search(line):
            memory_mb = _finite(found.group(1), line)
        elif found := _AVERAGE.search(line):
            init_us = _us(found.group(2), line)
            timings_mean_us = _us(found.group(3), line)
        elif found := _COMPILED_INITIALISED.search(line):
            init_us = _us(found.group(1), line) * 1000 if init_us is None else init_us
        elif found := _INITIALISED.search(line):
            init_us = _us(found.group(1), line) * 1000
    if compiled is not None and not by_stage:
        mean_us, count = compiled
        if count is None or count < 1 or mean_us <= 0:
            raise WorkerError("protocol", "benchmark_model's results do not say how many inferences it ran")
        by_stage, stages = [Statistics(count, mean_us, mean_us, mean_us, None)], 1
    if not by_stage or len(by_stage) != stages or stages > 2:
        raise WorkerError(
            "protocol",
            f"benchmark_model printed {len(by_stage)} lines of statistics for {stages} stages; one for the warm-up "
            f"and one for the inferences were expected: {stdout.strip()[-200:]!r}",
            "the tool's whole output is in the run's evidence",
        )
    mean_us = by_stage[-1].mean_us
    if timings_mean_us is not None and not math.isclose(timings_mean_us, mean_us, rel_tol=1e-3, abs_tol=1):
        raise WorkerError("protocol", f"benchmark_model contradicts itself: mean {mean_us} and {timings_mean_us} us")
    return ToolOutput(
        warmup=by_stage[0] if len(by_stage) == 2 else None,
        inference=by_stage[-1],
        init_us=timings[0] if timings else init_us,
        first_us=timings[1] if timings else None,
        delegations=delegates.delegations(),
        memory_delta_mb=memory_mb,
        generation="classic" if compiled is None else "compiled-model",
    )


def _us(text: str, line: str) -> float:
    value = _finite(text, line)
    if not 0 <= value <= _LARGEST_US:
        raise _unreadable(line)
    return value


def _finite(text: str, line: str) -> float:
    value = numerals.number(text)
    if value is None:
        raise _unreadable(line)
    return value


def _unreadable(line: str) -> WorkerError:
    return WorkerError("protocol", f"a line of benchmark_model's does not parse: {line.strip()[:200]!r}")
