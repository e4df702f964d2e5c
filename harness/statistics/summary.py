"""One run in numbers: where it lies, how far it spreads, how far its rounds disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latency_bench.harness.statistics.intervals import MedianEstimate, check_rounds, median_interval, round_medians
from latency_bench.harness.statistics.order_statistics import Floats
from latency_bench.harness.statistics.percentiles import Percentile, tail_percentiles

SIGMA_PER_MAD = 1.4826
"""The standard deviation of a normal distribution over its median absolute deviation, 1 / Phi^-1(3/4)."""


@dataclass(frozen=True)
class Summary:
    """The numbers of one run (or one phase of it), in the unit of the samples; nothing has been left out of them.

    `cv` is the standard deviation over the mean, `iqr_over_median` the interquartile range over the median, both of
    all rounds pooled. `between_round_cv` is that of the rounds' medians, None with a single round.
    """

    median: MedianEstimate
    percentiles: tuple[Percentile, ...]
    mean: float
    standard_deviation: float
    minimum: float
    maximum: float
    median_absolute_deviation: float
    cv: float
    iqr_over_median: float
    round_medians: tuple[float, ...]
    between_round_cv: float | None


def summarise(samples_by_round: Sequence[Floats], confidence: float = 0.95, *, tick: float | None = None) -> Summary:
    """Summarise the samples of each round, in the order they were taken, warm-up not included.

    Raises ValueError on an empty round or a value that is not finite.
    """
    rounds = check_rounds(samples_by_round)
    pooled = np.concatenate(rounds)
    medians = round_medians(rounds)
    lower_quartile, middle, upper_quartile = np.quantile(pooled, [0.25, 0.5, 0.75])
    return Summary(
        median=median_interval(rounds, confidence, tick=tick),
        percentiles=tail_percentiles(rounds, confidence),
        mean=float(pooled.mean()),
        standard_deviation=_standard_deviation(pooled),
        minimum=float(pooled.min()),
        maximum=float(pooled.max()),
        median_absolute_deviation=float(np.median(np.abs(pooled - middle))),
        cv=coefficient_of_variation(pooled),
        iqr_over_median=float((upper_quartile - lower_quartile) / middle) if middle else 0.0,
        round_medians=tuple(float(value) for value in medians),
        between_round_cv=coefficient_of_variation(medians) if len(rounds) > 1 else None,
    )


def coefficient_of_variation(values: Floats) -> float:
    """The standard deviation over the mean; 0 for a single value."""
    mean = float(values.mean())
    return _standard_deviation(values) / mean if mean else 0.0


def _standard_deviation(values: Floats) -> float:
    return float(values.std(ddof=1)) if values.size > 1 else 0.0
