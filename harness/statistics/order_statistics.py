"""Order statistics: the ranks between which a quantile lies, and the value at a rank.

For independent samples the number below the true q-quantile is Binomial(n, q), whatever the distribution, so two ranks
bound the quantile with a probability that can be computed exactly (David & Nagaraja, Order Statistics, 2003, ch. 7).
Whole ranks cannot give exactly 95 %: they are continued to fractional ranks with the beta distribution, which agrees
with the binomial at every whole rank (Hutson, "Calculating nonparametric confidence intervals for quantiles using
fractional order statistics", J. Applied Statistics 26, 1999), and the sample is interpolated linearly between the two
neighbours. Being a function of a real count, the same formula takes an effective sample size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

_RANK_PRECISION = 1e-12
"""Relative."""


def check_samples(samples: npt.ArrayLike) -> Floats:
    """One round as a one-dimensional float array.

    Raises ValueError on an empty round or a value that is not finite: what was not measured has to be absent.
    """
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"a round is a one-dimensional array of at least one sample, not of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("a sample is NaN or infinite: leave out what was not measured")
    return values


def smallest_count_for_interval(q: float, confidence: float) -> int:
    """The fewest independent samples whose extremes bound the q-quantile; 6 for the median at 95 %."""
    tail = (1 - confidence) / 2
    return math.ceil(max(math.log(tail) / math.log(1 - q), math.log(tail) / math.log(q)))


@lru_cache(maxsize=4096)
def rank_interval(q: float, count: float, confidence: float) -> tuple[float, float] | None:
    """The fractional ranks, from 1 to `count`, that bound the q-quantile of `count` independent samples.

    None where even the extremes do not bound it at this confidence.
    """
    from scipy.special import betainc

    tail = (1 - confidence) / 2
    if count < 1 or (1 - q) ** count > tail or q**count > tail:
        return None

    def above(rank: float) -> float:
        """The probability that the order statistic of this rank lies above the quantile."""
        return 1 - float(betainc(rank, count + 1 - rank, q))

    return _where(above, tail, count), _where(above, 1 - tail, count)


def _where(rising: Callable[[float], float], level: float, count: float) -> float:
    """The rank from 1 to `count` at which a rising function reaches a level, by bisection. scipy.optimize has better
    ways, and takes longer to import than a whole run takes to judge."""
    low, high = 1.0, count
    while high - low > _RANK_PRECISION * high:
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= level else (middle, high)
    return (low + high) / 2


def value_at_rank(ordered: Floats, rank: float) -> float:
    """The value at a fractional rank (1 is the smallest) of a sorted sample, linear between neighbours."""
    position = min(max(rank - 1, 0.0), ordered.size - 1.0)
    below = math.floor(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))


def value_at_effective_rank(ordered: Floats, rank: float, effective_count: float) -> float:
    """The value at a rank counted in `effective_count` samples, in a sample that holds `ordered.size` of them.

    Ranks are carried over by the level (rank - 1/2) / count (Hazen), which leaves them as they are when the counts
    agree and tends to the normal approximation as the sample grows.
    """
    return value_at_rank(ordered, (rank - 0.5) / effective_count * ordered.size + 0.5)


def timer_tick(samples: Floats) -> float:
    """The smallest step between two different samples: the tick of the clock if ties show one; 0 if all are equal."""
    steps = np.diff(np.unique(samples))
    return float(steps.min()) if steps.size else 0.0


def spread_ties(samples: Floats, tick: float) -> Floats:
    """The sorted samples, those that a clock rounded to one tick spread evenly over that tick.

    A reading t means that the latency was within half a tick of t. Without this the interval of coarse readings
    collapses to a single tick, a precision that the clock does not have; it is how the median of grouped data has
    always been computed (Yule, An Introduction to the Theory of Statistics, 1911, ch. VII).
    """
    ordered = np.sort(samples)
    values, first, counts = np.unique(ordered, return_index=True, return_counts=True)
    if tick == 0 or values.size == ordered.size:
        return ordered
    place = np.arange(ordered.size) - np.repeat(first, counts)
    spread: Floats = ordered + tick * ((place + 0.5) / np.repeat(counts, counts) - 0.5)
    return spread
