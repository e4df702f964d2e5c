"""Tail percentiles, shown only where there are samples to support them.

The rule is that of the early stopping of MLPerf LoadGen (MLCommons inference, loadgen/early_stopping.cc): a percentile
may be stated at confidence 0.99 once that many requests would meet it with one miss, that is, from the smallest n with
P(Binomial(n, 1 - p) <= 1) <= 0.01. A p99 of 100 samples is their second-largest value and little else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from latency_bench.harness.statistics.intervals import check_rounds, quantile_interval
from latency_bench.harness.statistics.order_statistics import Floats

TAIL_LEVELS = (0.90, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Percentile:
    """A percentile of all rounds pooled, in the unit of the samples; `value` is None while `missing` samples lack.

    `low` and `high` bound it at `confidence`; they are None where the effective samples, fewer than those counted,
    support no interval.
    """

    level: float
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    n: int
    needed: int
    missing: int

    @property
    def name(self) -> str:
        """p90, p99.9, ..."""
        return f"p{self.level * 100:g}"


@cache
def samples_needed(level: float, confidence: float = 0.99, misses: int = 1) -> int:
    """The fewest samples of which `misses` may lie above the percentile and still certify it at this confidence.

    p50 11, p90 64, p95 130, p99 662, p99.9 6636.
    """
    if not 0 < level < 1 or not 0 < confidence < 1:
        raise ValueError(f"level and confidence lie between 0 and 1, not {level} and {confidence}")

    def certified(n: int) -> bool:
        terms = (math.comb(n, k) * (1 - level) ** k * level ** (n - k) for k in range(misses + 1))
        return sum(terms) <= 1 - confidence

    enough = misses + 1
    while not certified(enough):
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        too_few, enough = (too_few, middle) if certified(middle) else (middle, enough)
    return enough


def percentile(samples_by_round: Sequence[Floats], level: float, confidence: float = 0.95) -> Percentile:
    """The percentile at `level` (0.99 for p99) with its interval, or how many samples are missing for it. That of one
    round has no interval, as its median has none."""
    n = sum(samples.size for samples in check_rounds(samples_by_round))
    needed = samples_needed(level)
    if n < needed:
        return Percentile(level, None, None, None, confidence, n, needed, needed - n)
    estimate = quantile_interval(samples_by_round, level, confidence)
    low, high = (None, None) if estimate.rounds == 1 else (estimate.low, estimate.high)
    return Percentile(level, estimate.value, low, high, confidence, n, needed, 0)


def tail_percentiles(samples_by_round: Sequence[Floats], confidence: float = 0.95) -> tuple[Percentile, ...]:
    """p90, p95, p99 and p99.9."""
    return tuple(percentile(samples_by_round, level, confidence) for level in TAIL_LEVELS)
