"""Mann-Whitney U, exact with and without ties, for groups of any and of unequal size.

Rounds are few, and the normal approximation is at its worst where they decide: 9 against 9, fully apart, have p = 4e-5,
the approximation says 4e-4. The exact distribution is counted subset by subset, on doubled midranks so that ties stay
whole numbers (Streitberg & Roehmel, "Exact distributions for permutation and rank tests", Statistical Software
Newsletter 12, 1986).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from latency_bench.harness.statistics.order_statistics import Floats

EXACT_OPERATIONS = 3e8
"""A second or two of counting, enough for 75 rounds against 75 or 5 against 350. Above, the normal approximation: at
p = 0.002 it is a tenth too large for equal groups, and up to twice too large for very unequal ones."""


def midranks(values: Floats) -> Floats:
    """Ranks from 1; tied values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[place]
    return ranks


def _can_be_counted(count_a: int, count_b: int) -> bool:
    total = count_a + count_b
    return min(count_a, count_b) * total * total * (total + 1) <= EXACT_OPERATIONS


@lru_cache(maxsize=256)
def _subsets_by_sum(weights: tuple[int, ...], size: int) -> Floats:
    """How many subsets of `size` members have each sum of weights."""
    counts = np.zeros((size + 1, sum(weights) + 1))
    counts[0, 0] = 1
    for weight in weights:
        for members in range(size, 0, -1):
            counts[members, weight:] += counts[members - 1, : counts.shape[1] - weight]
    subsets: Floats = counts[size]
    return subsets


def mann_whitney_p(a: Floats, b: Floats) -> float:
    """The two-sided p-value: how often a random division into groups of these sizes parts the ranks as far or further.

    Raises ValueError on an empty group.
    """
    if a.size == 0 or b.size == 0:
        raise ValueError("each group needs at least one round")
    if a.size > b.size:
        a, b = b, a
    ranks = midranks(np.concatenate([a, b]))
    total = ranks.size
    rank_sum = float(ranks[: a.size].sum())
    expected = a.size * (total + 1) / 2
    if _can_be_counted(a.size, b.size):
        doubled = np.rint(2 * ranks).astype(int)
        subsets = _subsets_by_sum(tuple(sorted(doubled.tolist())), a.size)
        distance = np.abs(np.arange(subsets.size) - 2 * expected)
        as_far = distance >= abs(2 * rank_sum - 2 * expected) - 0.5
        return min(1.0, float(subsets[as_far].sum() / math.comb(total, a.size)))
    from scipy.special import ndtr

    variance = a.size * b.size / total * float(ranks.var(ddof=1)) if total > 1 else 0.0
    if variance == 0:
        return 1.0
    return min(1.0, 2 * float(ndtr(-max(0.0, abs(rank_sum - expected) - 0.5) / math.sqrt(variance))))


def smallest_p(count_a: int, count_b: int) -> float:
    """The two-sided p-value of groups that do not overlap at all, 2 / C(a + b, a): 4e-5 for 9 against 9."""
    return min(1.0, 2 / math.comb(count_a + count_b, count_a))


@lru_cache(maxsize=256)
def pairs_outside(count_a: int, count_b: int, confidence: float) -> int:
    """How many of the sorted differences between the groups lie outside the interval of the shift, on each side.

    The interval from difference k to difference n m + 1 - k, k = this + 1, has at least this confidence (Hodges &
    Lehmann 1963; Moses, in Walker & Lev, Statistical Inference, 1953). -1 where not even all of them reach it.
    """
    from scipy.special import ndtri

    tail = (1 - confidence) / 2
    pairs = count_a * count_b
    if not _can_be_counted(count_a, count_b):
        sigma = math.sqrt(pairs * (count_a + count_b + 1) / 12)
        return max(-1, math.floor(pairs / 2 + float(ndtri(tail)) * sigma - 0.5))
    fewer = min(count_a, count_b)
    subsets = _subsets_by_sum(tuple(range(1, count_a + count_b + 1)), fewer)
    least = fewer * (fewer + 1) // 2
    probabilities = np.cumsum(subsets[least : least + pairs + 1]) / math.comb(count_a + count_b, fewer)
    return int(np.searchsorted(probabilities, tail, side="right")) - 1
