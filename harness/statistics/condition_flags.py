"""Flags about the conditions of a measurement: timer, host, clocks, heat. A condition that was not observed is None and
raises no flag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from latency_bench.harness.statistics.flags import Flag, FlagKind, OptionsInUse, raise_flag
from latency_bench.harness.statistics.order_statistics import Floats
from latency_bench.harness.statistics.steadiness import Verdict
from latency_bench.harness.statistics.throttling import LEAST_COVERAGE, Throttling

TIMER_LIMIT = 0.001
"""Resolution over the median: a tenth of the 1 % interval that is asked for by default."""
OVERHEAD_LIMIT = 0.001
"""An empty request over the median, likewise."""
ENQUEUE_LIMIT = 0.8
"""Enqueue time over compute time; trtexec warns from here."""
SWITCH_LIMIT = 0.5
"""Involuntary context switches a request: from here on the median request is one that lost its core."""
SWITCH_RATE_LIMIT = 20.0
"""The same a second. An idle kernel takes the core away for microseconds a few times a second, which a request of
seconds cannot avoid and does not feel."""
LOAD_LIMIT = 0.5
"""Cores kept busy by others, on average: they share caches, memory and power with ours."""
CPU_TIME_LIMIT = 0.9
"""Share of the time for which the worker had the cores that it wanted."""


@dataclass(frozen=True)
class HostLoad:
    """What else the device had to do while it was measured.

    `busy_cores` counts the device's cores that were busy with anything, on average. `cpu_share` is the share of the
    time for which the worker's threads, when they could run, did. `foreign_processes` are names of others that use
    the accelerator. `elapsed_s` is the time in which the switches were counted.
    """

    involuntary_switches: int | None = None
    requests: int | None = None
    busy_cores: float | None = None
    own_threads: int = 1
    cpu_share: float | None = None
    foreign_processes: tuple[str, ...] = ()
    elapsed_s: float | None = None


@dataclass(frozen=True)
class Conditions:
    """What is known of how one run was measured; times in the unit of `median`.

    `enqueue` and `compute` are one time a request. `output_difference` is the largest absolute difference between the
    outputs of the first and the last request, on the same input.
    """

    median: float
    timer_resolution: float | None = None
    loop_overhead: float | None = None
    enqueue: Floats | None = None
    compute: Floats | None = None
    steadiness: tuple[Verdict, ...] = ()
    """The verdict on each round's samples (steadiness.py)."""
    throttling: Throttling | None = None
    coverage: Mapping[str, float] = field(default_factory=dict)
    """Share of the sampling that readings cover, by what was read; only of what a verdict or a number hangs on."""
    readings_ended: tuple[str, ...] = ()
    """Why readings stopped before their round was over, one entry a round in which they did."""
    clocks_locked: bool | None = None
    load: HostLoad | None = None
    output_difference: float | None = None


def is_unstable(steadiness: Sequence[Verdict]) -> bool:
    """Half of the rounds or more changed their level, so that their median of medians hangs on it."""
    unsteady = sum(verdict in ("drifting", "stepping") for verdict in steadiness)
    return unsteady > 0 and 2 * unsteady >= len(steadiness)


def condition_flags(conditions: Conditions, options: OptionsInUse | None = None) -> list[Flag]:
    """All flags of the conditions of one run."""
    options = options or OptionsInUse(rounds=max(1, len(conditions.steadiness)))
    return [
        *_unstable(conditions, options),
        *_steadiness_unknown(conditions, options),
        *_throttling(conditions, options),
        *_telemetry(conditions, options),
        *_clocks(conditions, options),
        *_load(conditions.load, options),
        *_timer(conditions, options),
        *_enqueue(conditions, options),
        *_outputs(conditions, options),
    ]


def _unstable(conditions: Conditions, options: OptionsInUse) -> list[Flag]:
    drifting, stepping = (conditions.steadiness.count(verdict) for verdict in ("drifting", "stepping"))
    if not drifting + stepping:
        return []
    kinds = [f"{count} {verdict}" for count, verdict in ((drifting, "drifting"), (stepping, "stepping")) if count]
    many = f"{drifting + stepping} of {len(conditions.steadiness)} rounds"
    text = f"the latency changed its level during {many} ({', '.join(kinds)})"
    return raise_flag(FlagKind.UNSTABLE, "error" if is_unstable(conditions.steadiness) else "warning", text, options)


def _steadiness_unknown(conditions: Conditions, options: OptionsInUse) -> list[Flag]:
    unknown = conditions.steadiness.count("unknown")
    if not unknown:
        return []
    text = f"{unknown} of {len(conditions.steadiness)} rounds had too few requests, or too noisy ones, to tell"
    return raise_flag(FlagKind.STEADINESS_UNKNOWN, "info", text, options)


def _throttling(conditions: Conditions, options: OptionsInUse) -> list[Flag]:
    found = conditions.throttling
    if found is None or found.verdict != "yes":
        return []
    return raise_flag(FlagKind.THROTTLED, "warning", f"throttled: {'; '.join(found.evidence)}", options)


def _telemetry(conditions: Conditions, options: OptionsInUse) -> list[Flag]:
    """Readings that a device gives and that are missing for part of the run. One that gives none raises no flag."""
    signs = [
        f"readings of the {name} cover {share:.0%} of the sampling (limit {LEAST_COVERAGE:.0%})"
        for name, share in conditions.coverage.items()
        if share < LEAST_COVERAGE
    ]
    if ended := conditions.readings_ended:
        rounds = f"{len(ended)} round{'s' if len(ended) > 1 else ''}"
        signs.append(f"readings stopped before the end of {rounds}: {ended[0]}")
    return raise_flag(FlagKind.TELEMETRY_INCOMPLETE, "warning", "; ".join(signs), options) if signs else []


def _clocks(conditions: Conditions, options: OptionsInUse) -> list[Flag]:
    if conditions.clocks_locked is not False:
        return []
    text = "clocks not locked: the governor chose them from request to request"
    return raise_flag(FlagKind.CLOCKS_NOT_LOCKED, "info", text, options)


def _load(load: HostLoad | None, options: OptionsInUse) -> list[Flag]:
    if load is None:
        return []
    signs = []
    if load.foreign_processes:
        signs.append(f"the accelerator is shared with {', '.join(load.foreign_processes)}")
    if load.involuntary_switches is not None and load.requests:
        rate = load.involuntary_switches / load.requests
        felt = not load.elapsed_s or load.involuntary_switches / load.elapsed_s > SWITCH_RATE_LIMIT
        if rate > SWITCH_LIMIT and felt:
            signs.append(f"{rate:.2g} involuntary context switches a request (limit {SWITCH_LIMIT:g})")
    if load.busy_cores is not None and load.busy_cores - load.own_threads > LOAD_LIMIT:
        signs.append(f"{load.busy_cores:.1f} cores were busy, {load.own_threads} of them with the measurement")
    if load.cpu_share is not None and load.cpu_share < CPU_TIME_LIMIT:
        signs.append(f"the worker had its cores for {load.cpu_share:.0%} of the time (limit {CPU_TIME_LIMIT:.0%})")
    return raise_flag(FlagKind.FOREIGN_LOAD, "warning", "; ".join(signs), options) if signs else []


def _timer(conditions: Conditions, options: OptionsInUse) -> list[Flag]:
    if conditions.median <= 0:
        return []
    flags = []
    for kind, name, value, limit in (
        (FlagKind.COARSE_TIMER, "timer resolution", conditions.timer_resolution, TIMER_LIMIT),
        (FlagKind.LOOP_OVERHEAD, "an empty request", conditions.loop_overhead, OVERHEAD_LIMIT),
    ):
        if value is not None and value > limit * conditions.median:
            text = f"{name} {value / conditions.median:.2%} of the median (limit {limit:.1%})"
            flags += raise_flag(kind, "warning", text, options)
    return flags


def _enqueue(conditions: Conditions, options: OptionsInUse) -> list[Flag]:
    if conditions.enqueue is None or conditions.compute is None:
        return []
    compute = float(np.median(conditions.compute))
    ratio = float(np.median(conditions.enqueue)) / compute if compute > 0 else 0.0
    if ratio <= ENQUEUE_LIMIT:
        return []
    text = f"enqueueing takes {ratio:.2f} of the compute time (limit {ENQUEUE_LIMIT:g})"
    return raise_flag(FlagKind.ENQUEUE_BOUND, "warning", text, options)


def _outputs(conditions: Conditions, options: OptionsInUse) -> list[Flag]:
    difference = conditions.output_difference
    if not difference:
        return []
    text = f"the same input gave outputs that differ by {difference:.2g}"
    return raise_flag(FlagKind.OUTPUT_DRIFT, "error", text, options)
