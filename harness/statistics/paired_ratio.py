"""The ratio of two latencies over several pairs of processes, with its interval and a verdict.

The pair of processes is the unit, as the round is elsewhere: a process keeps its luck with memory placement for as long
as it lives, and so does the log ratio of a pair. The ratio is the Hodges-Lehmann centre of the pairs' log ratios; its
interval and the test of equality are made of the same signed ranks, which hold for any symmetric distribution and bear
a pair that was disturbed. docs/statistics.md has what was simulated, and why not Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from latency_bench.harness.statistics.comparison import ALPHA
from latency_bench.harness.statistics.order_statistics import Floats
from latency_bench.harness.statistics.signed_rank import hodges_lehmann, hodges_lehmann_interval, signed_rank_p

PairVerdict: TypeAlias = Literal["faster", "slower", "no difference shown", "cannot tell"]

CONFIDENCE = 0.95
COMPUTED_CONFIDENCE = 0.965
"""At which the interval is computed, so that it covers 95 % although the measurement stopped because it was narrow."""
LEAST_PAIRS = 10
"""Ten pairs of one sign reach p < 0.002; nine do not."""
INDIFFERENT = 0.01
"""A ratio that was shown to lie within 1 % of 1 is no difference: so much may come from taking turns itself."""
_LOOK_GROWTH = 1.2


@dataclass(frozen=True)
class PairedRatio:
    """B's latency over A's. `low` and `high` bound it at `confidence`, and are None with one pair of processes.

    `p_value` is that of equality, two-sided; `log_ratios` has one entry a pair of processes, from which all the others
    follow. `basis` says in words what the interval rests on.
    """

    ratio: float
    low: float | None
    high: float | None
    confidence: float
    p_value: float
    log_ratios: tuple[float, ...]
    basis: str

    @property
    def process_pairs(self) -> int:
        return len(self.log_ratios)

    @property
    def relative_width(self) -> float:
        """The interval from end to end, over the ratio; infinite where there is none."""
        return math.inf if self.low is None or self.high is None else (self.high - self.low) / self.ratio


def paired_ratio(log_ratios: Sequence[float]) -> PairedRatio:
    """From one log ratio a pair of processes. Two to five pairs: Student's t, since so few signed ranks cannot reach
    95 %. Raises ValueError without any."""
    values = np.asarray(log_ratios, dtype=np.float64)
    if values.size == 0:
        raise ValueError("no pair of processes was measured")
    centre = hodges_lehmann(values)
    limits = hodges_lehmann_interval(values, COMPUTED_CONFIDENCE)
    basis = f"{values.size} process pairs"
    if limits is None:
        limits = _t_interval(values)
        basis = f"{values.size} process pairs (t interval)" if limits else "1 process pair"
    # Few pairs' t interval is about their mean; it has to hold the number that is printed.
    low, high = (None, None) if limits is None else (min(limits[0], centre), max(limits[1], centre))
    return PairedRatio(
        ratio=math.exp(centre),
        low=None if low is None else math.exp(low),
        high=None if high is None else math.exp(high),
        confidence=CONFIDENCE,
        p_value=signed_rank_p(values),
        log_ratios=tuple(values.tolist()),
        basis=basis,
    )


def _t_interval(values: Floats) -> tuple[float, float] | None:
    from scipy.special import stdtrit

    if values.size < 2:
        return None
    half = float(stdtrit(values.size - 1, (1 + COMPUTED_CONFIDENCE) / 2))
    half *= float(values.std(ddof=1)) / math.sqrt(values.size)
    return float(values.mean()) - half, float(values.mean()) + half


def next_look(process_pairs: int) -> int:
    """How many pairs there have to be before it is looked again whether the interval is narrow enough.

    Whoever looks after every pair stops too often at an interval that is narrow by luck.
    """
    return max(LEAST_PAIRS, process_pairs + 1, int(process_pairs * _LOOK_GROWTH))


def is_narrow(estimate: PairedRatio, within: float) -> bool:
    """Whether the interval is at most `within` (0.01: 1 %) wide from end to end, with pairs enough for a verdict."""
    return estimate.process_pairs >= LEAST_PAIRS and estimate.relative_width <= within


def pairs_needed(estimate: PairedRatio, within: float) -> int | None:
    """About how many pairs of processes would make the interval so narrow; None where one pair tells nothing yet.

    Intervals shrink with the root of the count.
    """
    if estimate.process_pairs < 2 or not math.isfinite(estimate.relative_width):
        return None
    return max(LEAST_PAIRS, math.ceil(estimate.process_pairs * (estimate.relative_width / within) ** 2))


def verdict(estimate: PairedRatio, within: float, p_value: float | None = None, trusted: bool = True) -> PairVerdict:
    """Of B against A. `p_value`: corrected, where several ratios are judged at once. `trusted`: nothing was seen that
    spoils the measurement itself.

    faster, slower: equality is rejected at p < 0.002, and the interval is not wholly within 1 % of 1. No difference
    shown: it is within 1 % of 1, or it holds 1 and is as narrow as was asked. Else nobody can tell.
    """
    low, high = estimate.low, estimate.high
    if low is None or high is None or not trusted:
        return "cannot tell"
    if estimate.process_pairs >= LEAST_PAIRS and low > 1 / (1 + INDIFFERENT) and high < 1 + INDIFFERENT:
        return "no difference shown"
    if (estimate.p_value if p_value is None else p_value) < ALPHA:
        return "slower" if estimate.ratio > 1 else "faster"
    return "no difference shown" if is_narrow(estimate, within) and low <= 1 <= high else "cannot tell"
