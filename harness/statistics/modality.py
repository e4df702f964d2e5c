"""Does the latency have two modes? The dip test, which no single-peaked shape can fool.

A histogram or a kernel estimate finds bumps in every long tail. The dip is the largest distance between the empirical
distribution and the unimodal one nearest to it (Hartigan & Hartigan, "The dip test of unimodality", Annals of
Statistics 13, 1985), and the uniform is the unimodal distribution with the largest dips: a skewed or heavy-tailed
latency has smaller ones, and no more false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latency_bench.harness.statistics.autocorrelation import effective_count_at
from latency_bench.harness.statistics.order_statistics import Floats, check_samples, spread_ties, timer_tick

DIP_CRITICAL = 0.73
"""sqrt(n) * dip that uniform samples exceed once in 1,000 times (simulated by benchmarks/statistics_dip.py)."""
MODES_APART = 0.03
"""Modes nearer to each other than this, over the lower one, are of no practical interest."""
SMALLER_MODE = 0.05
"""A mode with a smaller share of the samples is a matter of outliers and tail."""
DIP_MOST_SAMPLES = 4000
"""Longer rounds are reduced to this many evenly spaced quantiles: the hulls are computed in Python."""


@dataclass(frozen=True)
class Modes:
    """Two modes, in the unit of the samples, and the share of the samples in the upper one."""

    lower: float
    upper: float
    upper_share: float
    dip: float


def find_two_modes(samples: Floats, *, tick: float | None = None) -> Modes | None:
    """Two modes, if one round's samples, in the order they were taken, show them beyond doubt; otherwise None.

    Correlated samples dip deeper: the critical value is met at the effective sample size.
    """
    samples = check_samples(samples)
    if samples.size < 8 or samples.min() == samples.max():
        return None
    ordered = spread_ties(samples, timer_tick(samples) if tick is None else tick)
    if ordered.size > DIP_MOST_SAMPLES:
        ordered = np.quantile(ordered, (np.arange(DIP_MOST_SAMPLES) + 0.5) / DIP_MOST_SAMPLES)
    depth = dip(ordered)
    split = _two_class_split(ordered)
    lower, upper = samples[samples <= split], samples[samples > split]
    if lower.size == 0 or upper.size == 0:
        return None
    share = upper.size / samples.size
    low, high = float(np.median(lower)), float(np.median(upper))
    # Correlation about each sample's own mode: that a mode lasts for many samples in a row is not held against it.
    n_effective = effective_count_at(samples - np.where(samples <= split, low, high), 0.0)
    if math.sqrt(n_effective) * depth <= DIP_CRITICAL:
        return None
    if min(share, 1 - share) < SMALLER_MODE or high - low < MODES_APART * abs(low):
        return None
    return Modes(low, high, share, depth)


def _two_class_split(ordered: Floats) -> float:
    """The value that parts a sorted sample into the two classes of least variance inside them.

    Otsu's criterion (IEEE Trans. SMC 9, 1979) on the samples themselves; logarithms and the middle 98 %, so that the
    far tail does not become a class of its own.
    """
    middle = ordered[ordered.size // 100 : ordered.size - ordered.size // 100]
    points = np.log(middle) if middle[0] > 0 else middle
    below = np.arange(1, points.size)
    sums = np.cumsum(points)
    means_below = sums[:-1] / below
    means_above = (sums[-1] - sums[:-1]) / (points.size - below)
    cut = int(np.argmax(below * (points.size - below) * (means_above - means_below) ** 2))
    return float(middle[cut] + middle[cut + 1]) / 2


def dip(ordered: Floats) -> float:
    """The dip of a sorted sample, between 1 / (2 n) and 1 / 4.

    The modal interval is narrowed until the greatest convex minorant and the least concave majorant of the empirical
    distribution inside it are nowhere further apart than the dip found outside it (Hartigan, "Computation of the dip
    statistic to test for unimodality", Applied Statistics 34, 1985, algorithm AS 217).
    """
    n = ordered.size
    if n < 4 or ordered[0] == ordered[-1]:
        return 1 / (2 * n)
    # Heights count samples: at the i-th value (from 0) the empirical distribution steps from i to i + 1. The minorant
    # runs below the feet of the steps, the majorant above their heads, hence the 1 in every distance.
    place = np.arange(n, dtype=np.float64)
    first, last, twice_dip = 0, n - 1, 1.0
    while True:
        minorant = _hull(ordered, first, last, convex=True)
        majorant = _hull(ordered, first, last, convex=False)
        knots = np.union1d(minorant, majorant)
        gaps = _height(ordered, majorant, knots) - _height(ordered, minorant, knots) + 1
        widest = knots[np.argmax(gaps)]
        if gaps.max() <= twice_dip:
            break
        left = int(minorant[minorant <= widest][-1])
        right = int(majorant[majorant >= widest][0])
        before, after = np.arange(first, left + 1), np.arange(right, last + 1)
        excess_left = float((place[before] - _height(ordered, minorant, before)).max()) + 1
        excess_right = float((_height(ordered, majorant, after) - place[after]).max()) + 1
        twice_dip = max(twice_dip, excess_left, excess_right)
        if (left, right) == (first, last):
            break
        first, last = left, right
    return twice_dip / (2 * n)


def _height(ordered: Floats, hull: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> Floats:
    return np.interp(ordered[at], ordered[hull], hull.astype(np.float64))


def _hull(ordered: Floats, first: int, last: int, *, convex: bool) -> npt.NDArray[np.int64]:
    """The indices at which the lower (convex) or upper hull of the points (value, index) touches them."""
    values: Sequence[float] = ordered[first : last + 1].tolist()
    sign = 1 if convex else -1
    touching: list[int] = []
    for index, value in enumerate(values):
        while len(touching) > 1:
            a, b = touching[-2], touching[-1]
            turn = (values[b] - values[a]) * (index - a) - (value - values[a]) * (b - a)
            if turn * sign > 0:
                break
            touching.pop()
        touching.append(index)
    return np.array(touching, dtype=np.int64) + first
