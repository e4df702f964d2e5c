"""Was the device throttled? A verdict from the clock, the reasons it gives and its temperature.

The reference is the best clock that the run held, not the one on the data sheet: a locked clock or a low power mode is
no throttling. Two views of the series are taken. A median over five readings removes single dips (a clock read between
two requests) and sees a governor that switches back and forth; a median over a twentieth of the run sees a longer drop
that jitter hides from the first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from latency_bench.harness.statistics.order_statistics import Floats
from latency_bench.harness.statistics.summary import SIGMA_PER_MAD

LEAST_DROP = 0.05
"""The smallest drop of the clock that has to be found, ..."""
LEAST_SHARE = 0.10
"""... and the smallest share of the run over which it has to be."""
_DROP = 0.04
_SHARE = 0.08
# Both below what has to be found: at a drop of exactly 5 % jitter lifts half of the readings above a limit of 5 %.
SHORT_WINDOW = 5
LEAST_READINGS = 20
REASON_SHARE = 0.05
"""A throttle reason that holds for less of the readings than this is mentioned, but decides nothing."""
LEAST_COVERAGE = 1 - LEAST_SHARE
"""Share of the sampling that readings have to cover before they show that the clock never fell: what is left could else
hide the smallest share of the run over which a drop has to be found (coverage.py)."""


@dataclass(frozen=True)
class Throttling:
    """`verdict` with the `evidence` for it, one sentence each. `share` of the readings lay `drop` below the reference.

    `drop` and `share` are None where no clock was read often enough.
    """

    verdict: Literal["yes", "no", "unknown"]
    evidence: tuple[str, ...]
    reference: float | None = None
    drop: float | None = None
    share: float | None = None


def detect_throttling(
    clock: npt.ArrayLike | None,
    *,
    reasons: Sequence[Collection[str]] | None = None,
    signs: Sequence[str] = (),
    temperature_c: npt.ArrayLike | None = None,
    limit_c: float | None = None,
    expected: float | None = None,
    covered: float | None = None,
) -> Throttling:
    """The verdict on one run.

    `clock` is a series of readings at even intervals, in any unit of frequency, taken while requests ran: an idle clock
    is no throttled one. `reasons` are names of what lowered the clock, one collection a reading, and `signs` sentences
    of the device's own, each of which says that it was throttled. `expected` is the clock that was locked, in the unit
    of `clock`; it serves as the reference if the run never reached it. `temperature_c` and `limit_c` are evidence, and
    never decide alone. `covered` is the share of the run that the readings cover: below LEAST_COVERAGE what they do not
    show may have been in the rest, and the answer is unknown instead of no.
    """
    evidence: list[str] = list(signs)
    by_reason = None if reasons is None else _from_reasons(reasons, evidence)
    by_clock = None
    drop = share = reference = None
    if clock is not None:
        series = np.asarray(clock, dtype=np.float64)
        series = series[np.isfinite(series) & (series > 0)]
        if series.size < LEAST_READINGS:
            evidence.append(f"{series.size} readings of the clock under load, {LEAST_READINGS} needed")
        else:
            by_clock, reference, drop, share = _largest_drop(series, expected or 0.0)
            lowered = f"clock {drop:.1%} below its best ({reference:.4g}) for {share:.0%} of the run"
            evidence.append(lowered if by_clock else f"clock held at {reference:.4g} ({series.size} readings)")
    if temperature_c is not None and np.size(temperature_c):
        hottest = float(np.nanmax(np.asarray(temperature_c, dtype=np.float64)))
        of_limit = "" if limit_c is None else f", {'at or above' if hottest >= limit_c else 'below'} {limit_c:g} °C"
        evidence.append(f"hottest {hottest:.0f} °C{of_limit}")
    verdicts = [answer for answer in (by_reason, by_clock, True if signs else None) if answer is not None]
    if not verdicts:
        return Throttling("unknown", tuple(evidence or ["neither clock nor throttle reasons could be read"]))
    if any(verdicts):
        return Throttling("yes", tuple(evidence), reference, drop, share)
    if covered is not None and covered < LEAST_COVERAGE:
        evidence.append(f"readings cover {covered:.0%} of the sampling ({LEAST_COVERAGE:.0%} needed)")
        return Throttling("unknown", tuple(evidence), reference, drop, share)
    return Throttling("no", tuple(evidence), reference, drop, share)


def _from_reasons(reasons: Sequence[Collection[str]], evidence: list[str]) -> bool | None:
    """Whether a reason held for long; None without readings."""
    if not reasons:
        return None
    counts: dict[str, int] = {}
    for active in reasons:
        for name in set(active):
            counts[name] = counts.get(name, 0) + 1
    evidence += [f"{name} in {count / len(reasons):.0%} of the readings" for name, count in sorted(counts.items())]
    if not counts:
        evidence.append("no throttle reason was active")
    return any(count >= REASON_SHARE * len(reasons) for count in counts.values())


def _largest_drop(series: Floats, expected: float) -> tuple[bool, float, float, float]:
    """Whether the clock fell, its reference, the median depth of the lowered readings and their share of the run."""
    # Steps between neighbours, unlike the spread of the whole, do not grow with the drop that is looked for.
    jitter = SIGMA_PER_MAD * float(np.median(np.abs(np.diff(series)))) / np.sqrt(2) / float(np.median(series))
    views = []
    for window in sorted({SHORT_WINDOW, max(SHORT_WINDOW, series.size // 20)}):
        smooth = running_median(series, window)
        # The best clock held: high in the smoothed series, or at the very start, where a short burst may be all.
        start = float(np.median(series[:window]))
        reference = max(float(np.quantile(smooth, 0.95)), start, expected)
        # The median of a window strays by 1.25 sigma / sqrt(window); five of those part a steady clock's best from
        # the lowest of its readings that could make up the share looked for.
        stray = 5 * 1.25 * jitter / np.sqrt(window)
        lowered = smooth < reference * (1 - max(_DROP, float(stray)))
        depth = 1 - float(np.median(smooth[lowered])) / reference if lowered.any() else 0.0
        share = float(lowered.mean())
        views.append((share >= _SHARE, reference, depth, share))
    return max(views, key=lambda view: (view[0], view[3]))


def running_median(series: Floats, window: int) -> Floats:
    """The median over a centred window (made odd); at the ends over the readings that there are."""
    half = window // 2
    if half == 0 or series.size <= 2 * half:
        return series
    padded = np.concatenate([np.full(half, np.nan), series, np.full(half, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    smooth = np.nanmedian(windows, axis=1) if half < 8 else _median_of_long_windows(windows, series, half)
    return np.asarray(smooth, dtype=np.float64)


def _median_of_long_windows(windows: Floats, series: Floats, half: int) -> Floats:
    # nanmedian is slow on wide rows; only the ends hold NaN.
    smooth = np.empty(series.size)
    smooth[half:-half] = np.median(windows[half:-half], axis=1)
    for place in (*range(half), *range(series.size - half, series.size)):
        smooth[place] = np.median(series[max(0, place - half) : place + half + 1])
    return smooth
