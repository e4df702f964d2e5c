"""Flags: what a reader of the number should know. They are raised beside it and never take a sample away.

Every kind of flag is one entry of `REMEDIES`, which knows the options already in use and does not advise them again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

Severity = Literal["info", "warning", "error"]
"""`info`: worth knowing, the number stands; `warning`: it may be off, or not hold elsewhere; `error`: it should not be
quoted. The words are those of a record."""


class FlagKind(str, Enum):
    """What a flag can say. The value is its name in records and reports."""

    HIGH_SPREAD = "high_spread"
    WIDE_QUARTILES = "wide_quartiles"
    OUTLIERS = "outliers"
    SLOW_FIRST_SAMPLE = "slow_first_sample"
    DRIFT = "drift"
    BIMODAL = "bimodal"
    FEW_ROUNDS = "few_rounds"
    PROCESSES_DISAGREE = "processes_disagree"
    COARSE_TIMER = "coarse_timer"
    LOOP_OVERHEAD = "loop_overhead"
    ENQUEUE_BOUND = "enqueue_bound"
    FOREIGN_LOAD = "foreign_load"
    THROTTLED = "throttled"
    TELEMETRY_INCOMPLETE = "telemetry_incomplete"
    CLOCKS_NOT_LOCKED = "clocks_not_locked"
    UNSTABLE = "unstable"
    STEADINESS_UNKNOWN = "steadiness_unknown"
    INCONCLUSIVE = "inconclusive"
    OUTPUT_DRIFT = "output_drift"


@dataclass(frozen=True)
class OptionsInUse:
    """What was already asked for, so that no flag advises it."""

    rounds: int = 1
    clocks_locked: bool = False
    cool_down: bool = False
    cpus_pinned: bool = False
    cuda_graph: bool = False
    sampled_to_interval: bool = False
    """Sampling ran until the interval was as narrow as asked, not for a fixed count."""
    lost_cpu_time_remedy: str | None = None
    """What gives the worker its cores, where it is known what took them; then it was not other programs."""


@dataclass(frozen=True)
class Flag:
    """`text` states the measured figure and the limit it crossed; `remedy` what to do next."""

    kind: FlagKind
    severity: Severity
    text: str
    remedy: str


def _quieter(options: OptionsInUse) -> str:
    steps = [options.lost_cpu_time_remedy or "stop other programs"]
    if not options.clocks_locked:
        steps.append("lock the clocks")
    if not options.cpus_pinned:
        steps.append("pin the worker to its own cores")
    return ", ".join(steps)


def _spread(options: OptionsInUse) -> str:
    known = "; the median and its interval stand, quote them" if options.sampled_to_interval else ""
    return _quieter(options) + known


def _alone(options: OptionsInUse) -> str:
    # Other programs were seen, whatever else took the worker's time.
    return f"{_quieter(replace(options, lost_cpu_time_remedy=None))}, and measure again"


def _heat(options: OptionsInUse) -> str:
    if options.cool_down:
        return "the device does not keep this speed: improve its cooling, or report `--protocol sustained` beside it"
    return "let the device cool down between rounds, or report `--protocol sustained` beside it"


def _rounds(options: OptionsInUse) -> str:
    return "ask for more rounds (`--rounds 9`)" if options.rounds < 9 else "find out why rounds are missing"


def _disagree(options: OptionsInUse) -> str:
    more = "" if options.rounds >= 9 else "take more rounds (`--rounds 9`) and "
    pinned = "" if options.cpus_pinned else "; pinning the worker's cores often helps"
    return f"{more}quote the interval over rounds, never that of one process{pinned}"


def _enqueue(options: OptionsInUse) -> str:
    if options.cuda_graph:
        return "the host is too slow even with a CUDA graph: raise its clocks, or say that the host is the limit"
    return "the host is the limit, not the device: try a CUDA graph, or say so beside the number"


def _locking(options: OptionsInUse) -> str:
    if options.clocks_locked:
        return "the lock was asked for and did not hold: check the permissions it needs"
    return "lock the clocks, or accept that the number holds for this moment's clocks"


def _unstable(options: OptionsInUse) -> str:
    return f"{_quieter(options)}; if it still does not settle, warm up for longer"


REMEDIES: dict[FlagKind, Callable[[OptionsInUse], str]] = {
    FlagKind.HIGH_SPREAD: _spread,
    FlagKind.WIDE_QUARTILES: _spread,
    FlagKind.OUTLIERS: lambda options: f"they are kept; {_quieter(options)}",
    FlagKind.SLOW_FIRST_SAMPLE: lambda _: "warm up for longer; the sample is kept, and the median hardly sees it",
    FlagKind.DRIFT: _heat,
    FlagKind.BIMODAL: lambda options: (
        f"look at the distribution (samples.parquet), quote both modes; {_quieter(options)}"
    ),
    FlagKind.FEW_ROUNDS: _rounds,
    FlagKind.PROCESSES_DISAGREE: _disagree,
    FlagKind.COARSE_TIMER: lambda _: "time several requests together, or a device with a finer clock",
    FlagKind.LOOP_OVERHEAD: lambda _: "time several requests together, or a larger batch",
    FlagKind.ENQUEUE_BOUND: _enqueue,
    FlagKind.FOREIGN_LOAD: _alone,
    FlagKind.THROTTLED: _heat,
    FlagKind.TELEMETRY_INCOMPLETE: lambda _: (
        "measure again: nobody watched part of the run, so that neither throttling nor energy can be told"
    ),
    FlagKind.CLOCKS_NOT_LOCKED: _locking,
    FlagKind.UNSTABLE: _unstable,
    FlagKind.STEADINESS_UNKNOWN: lambda _: (
        "take a protocol with more requests a round, or look at the samples themselves"
    ),
    FlagKind.INCONCLUSIVE: lambda options: (
        f"it takes no part in rankings and claims; {_quieter(options)}, or measure ratios with `bench pair`"
    ),
    FlagKind.OUTPUT_DRIFT: lambda _: "the model does not compute the same thing every time: check it before its speed",
}


def raise_flag(kind: FlagKind, severity: Severity, text: str, options: OptionsInUse) -> list[Flag]:
    """A list of this one flag, with the remedy that is left."""
    return [Flag(kind, severity, text, REMEDIES[kind](options))]
