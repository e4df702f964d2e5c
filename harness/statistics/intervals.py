"""The median and any other quantile, each with an interval that says what it rests on.

The round, a fresh process, is the statistical unit: two processes of the same program differ by more than their samples
do (memory layout, clock state, page placement), and no number of samples inside one of them shows it (Mytkowicz et al.,
"Producing wrong data without doing anything obviously wrong", ASPLOS 2009; Kalibera & Jones, "Rigorous benchmarking in
reasonable time", ISMM 2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latency_bench.harness.statistics.autocorrelation import effective_count_at
from latency_bench.harness.statistics.order_statistics import (
    Floats,
    check_samples,
    rank_interval,
    smallest_count_for_interval,
    spread_ties,
    timer_tick,
    value_at_effective_rank,
    value_at_rank,
)


@dataclass(frozen=True)
class MedianEstimate:
    """The median, in the unit of the samples, and the interval in which the true one lies.

    `median` is that of the rounds' medians. `low` and `high` are None where the data support no interval at this
    confidence. `n_effective` counts the independent samples that the `n` are worth, summed over the rounds. `basis`
    says in words what the interval rests on.
    `relative_half_width` is half of (high - low), over the median.
    """

    median: float
    low: float | None
    high: float | None
    confidence: float
    n: int
    n_effective: int
    rounds: int
    basis: str
    relative_half_width: float | None


@dataclass(frozen=True)
class QuantileEstimate:
    """A quantile of all rounds together, in the unit of the samples, with its interval where the data support one."""

    q: float
    value: float
    low: float | None
    high: float | None
    confidence: float
    n: int
    n_effective: float
    rounds: int


def check_rounds(samples_by_round: Sequence[Floats]) -> list[Floats]:
    """The rounds as float arrays. Raises ValueError where there is none, one is empty, or a value is not finite."""
    if not samples_by_round:
        raise ValueError("no rounds to summarise")
    return [check_samples(samples) for samples in samples_by_round]


def round_medians(samples_by_round: Sequence[Floats]) -> Floats:
    """The median of each round, as an array of one number a round."""
    return np.array([np.median(samples) for samples in check_rounds(samples_by_round)])


def median_interval(
    samples_by_round: Sequence[Floats], confidence: float = 0.95, *, tick: float | None = None
) -> MedianEstimate:
    """The median and its interval, from the samples of each round in the order they were taken.

    One round has no interval: it knows nothing of other processes. Two to five rounds: Student's t on the logarithms of
    the rounds' medians, since order statistics of fewer than six rounds cannot reach 95 %. From six on: order
    statistics of the rounds' medians. `tick` is the resolution of the timer in the unit of the samples; without it the
    smallest step seen is taken. Raises ValueError on an empty round, a value that is not finite, or a confidence not
    between 0 and 1.
    """
    rounds = check_rounds(samples_by_round)
    if len(rounds) == 1:
        of_process = process_interval(rounds[0], confidence, tick=tick)
        basis = f"{_one_round(of_process)}; an interval needs the rounds of two processes or more"
        return replace(of_process, low=None, high=None, relative_half_width=None, basis=basis)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a probability between 0 and 1, not {confidence}")
    if tick is None:
        tick = timer_tick(np.concatenate(rounds))
    limits, basis = _between_rounds(np.array([np.median(spread_ties(samples, tick)) for samples in rounds]), confidence)
    return _estimate(rounds, limits, confidence, basis)


def process_interval(samples: Floats, confidence: float = 0.95, *, tick: float | None = None) -> MedianEstimate:
    """The median of one process and the interval in which the median of that very process lies, by order statistics at
    the effective sample size. For what happens inside of a round; another process may have another median. Arguments
    and errors as of `median_interval`.
    """
    samples = check_samples(samples)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a probability between 0 and 1, not {confidence}")
    spread = spread_ties(samples, timer_tick(samples) if tick is None else tick)
    limits = _limits(spread, 0.5, effective_count_at(samples, float(np.median(samples))), confidence)
    estimate = _estimate([samples], limits, confidence, "")
    basis = _one_round(estimate)
    if limits is None:
        basis += f"; an interval at {confidence:.0%} needs {smallest_count_for_interval(0.5, confidence)}"
    return replace(estimate, basis=basis)


def _estimate(
    rounds: list[Floats], limits: tuple[float, float] | None, confidence: float, basis: str
) -> MedianEstimate:
    median = float(np.median(round_medians(rounds)))
    n = sum(samples.size for samples in rounds)
    n_effective = sum(effective_count_at(samples, float(np.median(samples))) for samples in rounds)
    # Spreading ties may move the interval off a coarse reading by less than a tick; it has to hold the number printed.
    low, high = (None, None) if limits is None else (min(limits[0], median), max(limits[1], median))
    half_width = (high - low) / 2 / median if low is not None and high is not None and median > 0 else None
    return MedianEstimate(median, low, high, confidence, n, math.floor(n_effective), len(rounds), basis, half_width)


def _one_round(estimate: MedianEstimate) -> str:
    return f"1 round, {estimate.n_effective} effective of {estimate.n} samples"


def _between_rounds(medians: Floats, confidence: float) -> tuple[tuple[float, float], str]:
    from scipy.special import stdtrit

    count = medians.size
    ranks = rank_interval(0.5, float(count), confidence)
    if ranks is not None:
        ordered = np.sort(medians)
        return (value_at_rank(ordered, ranks[0]), value_at_rank(ordered, ranks[1])), f"{count} rounds"
    # A phase can take no measurable time in some round, and 0 has no logarithm.
    positive = bool((medians > 0).all())
    points = np.log(medians) if positive else medians
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * float(points.std(ddof=1)) / math.sqrt(count)
    low, high = float(points.mean()) - half, float(points.mean()) + half
    return (math.exp(low), math.exp(high)) if positive else (low, high), f"{count} rounds (t interval)"


def _limits(ordered: Floats, q: float, n_effective: float, confidence: float) -> tuple[float, float] | None:
    # Two digits are more than the estimate deserves, and let the ranks be looked up instead of solved for again.
    count = max(1.0, math.floor(n_effective * 100) / 100)
    ranks = rank_interval(q, count, confidence)
    if ranks is None:
        return None
    low, high = (value_at_effective_rank(ordered, rank, count) for rank in ranks)
    return low, high


def quantile_interval(
    samples_by_round: Sequence[Floats], q: float, confidence: float = 0.95, *, tick: float | None = None
) -> QuantileEstimate:
    """The q-quantile of all rounds pooled, with its interval from order statistics at the effective sample size.

    With several rounds that size is the smaller of what autocorrelation inside the rounds leaves and what the spread
    between them leaves, the latter with the correction for few clusters of Korn & Graubard (Survey Methodology 24,
    1998): q (1 - q) over the variance of the rounds' shares below the quantile, times (z / t)^2.
    """
    from scipy.special import ndtri, stdtrit

    rounds = check_rounds(samples_by_round)
    if not 0 < q < 1:
        raise ValueError(f"a quantile is between 0 and 1, not {q}")
    pooled = np.concatenate(rounds)
    value = float(np.quantile(pooled, q))
    n_effective = sum(effective_count_at(samples, value) for samples in rounds)
    if len(rounds) > 1:
        weights = np.array([samples.size for samples in rounds]) / pooled.size
        shares = np.array([np.mean(samples <= value) for samples in rounds])
        variance = len(rounds) / (len(rounds) - 1) * float((weights**2 * (shares - weights @ shares) ** 2).sum())
        few_clusters = (ndtri((1 + confidence) / 2) / stdtrit(len(rounds) - 1, (1 + confidence) / 2)) ** 2
        if variance > 0:
            n_effective = min(n_effective, float(few_clusters) * q * (1 - q) / variance)
    ordered = spread_ties(pooled, timer_tick(pooled) if tick is None else tick)
    limits = _limits(ordered, q, n_effective, confidence)
    low, high = (None, None) if limits is None else (min(limits[0], value), max(limits[1], value))
    return QuantileEstimate(q, value, low, high, confidence, pooled.size, n_effective, len(rounds))
