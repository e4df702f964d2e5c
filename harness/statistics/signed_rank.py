"""Wilcoxon's signed ranks: is the centre of a few differences 0, and between which differences does it lie?

The test and the interval are made of the same ranks, so that the two never contradict each other, and hold for any
distribution of the differences that is symmetric about its centre (Wilcoxon, Biometrics Bulletin 1, 1945; the estimate
and its interval by Hodges & Lehmann, Annals of Mathematical Statistics 34, 1963). Both are exact at any count, ties
included: subsets of the ranks are counted by their sum, as in rank_test.py.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from latency_bench.harness.statistics.order_statistics import Floats
from latency_bench.harness.statistics.rank_test import midranks

EXACT_COUNT = 200
"""Above, the normal approximation, which is better than 1 % of the p-value there."""


@lru_cache(maxsize=256)
def _share_by_sum(weights: tuple[int, ...]) -> Floats:
    """The share of all subsets of `weights` that has each sum."""
    shares = np.zeros(sum(weights) + 1)
    shares[0] = 1.0
    for weight in weights:
        with_it = np.zeros_like(shares)
        with_it[weight:] = shares[: shares.size - weight]
        shares = (shares + with_it) / 2
    return shares


def signed_rank_p(differences: Floats) -> float:
    """The two-sided p-value: how often random signs would part the ranks of the differences as far or further.

    Differences of 0 have a rank and no sign (Pratt, J. American Statistical Association 54, 1959). 1.0 where all are 0.
    """
    ranks = np.rint(2 * midranks(np.abs(differences))).astype(int)
    signed = ranks[differences != 0]
    positive = int(ranks[differences > 0].sum())
    expected = float(signed.sum()) / 2
    if signed.size <= EXACT_COUNT:
        shares = _share_by_sum(tuple(sorted(signed.tolist())))
        as_far = np.abs(np.arange(shares.size) - expected) >= abs(positive - expected) - 1e-9
        return min(1.0, float(shares[as_far].sum()))
    from scipy.special import ndtr

    deviation = math.sqrt(float((signed.astype(np.float64) ** 2).sum()) / 4)
    return min(1.0, 2 * float(ndtr(-max(0.0, abs(positive - expected) - 1) / deviation)))


def smallest_signed_rank_p(count: int) -> float:
    """The p-value of `count` differences that all have one sign, 2 / 2^count: 0.00195 for ten."""
    return min(1.0, 2.0 ** (1 - count))


def hodges_lehmann(values: Floats) -> float:
    """The median of the means of all pairs of values, each with itself included (Walsh averages)."""
    return float(np.median(_walsh_averages(values)))


def hodges_lehmann_interval(values: Floats, confidence: float) -> tuple[float, float] | None:
    """Between which Walsh averages the centre lies with at least this confidence; None where not even the smallest and
    the largest reach it (below six values for 95 %)."""
    averages = np.sort(_walsh_averages(values))
    outside = _averages_outside(values.size, confidence)
    return None if outside < 0 else (float(averages[outside]), float(averages[averages.size - 1 - outside]))


def _walsh_averages(values: Floats) -> Floats:
    first, second = np.triu_indices(values.size)
    averages: Floats = (values[first] + values[second]) / 2
    return averages


@lru_cache(maxsize=256)
def _averages_outside(count: int, confidence: float) -> int:
    """How many of the sorted Walsh averages lie outside the interval on each side; -1 where all of them do not do."""
    tail = (1 - confidence) / 2
    if count > EXACT_COUNT:
        from scipy.special import ndtri

        deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return math.floor(count * (count + 1) / 4 + float(ndtri(tail)) * deviation - 0.5)
    below = np.cumsum(_share_by_sum(tuple(range(1, count + 1))))
    return int(np.searchsorted(below, tail, side="right")) - 1
