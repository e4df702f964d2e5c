"""The three answers of a gate, from the interval of a ratio and the largest ratio that is allowed.

*Fine* is a claim as much as *worse* is: that the ratio is at most the limit has to be shown (a test of non-inferiority;
Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 1987). What neither end of the interval shows, nobody can tell.
Of many cases those are called worse that keep the false discovery rate (Benjamini & Hochberg, J. Royal Statistical
Society B 57, 1995): where no case is slower this bounds the chance of a single false alarm, and where many are slower
it does not demand of each what it would of one alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from latency_bench.harness.statistics.order_statistics import Floats
from latency_bench.harness.statistics.paired_ratio import LEAST_PAIRS, paired_ratio
from latency_bench.harness.statistics.rank_test import mann_whitney_p
from latency_bench.harness.statistics.signed_rank import hodges_lehmann, hodges_lehmann_interval, signed_rank_p

Answer: TypeAlias = Literal["fine", "worse", "cannot tell"]

FALSE_DISCOVERY_RATE = 0.01
"""Of what is called worse. Where nothing is worse, it is the chance that a gate of any number of cases fails."""


@dataclass(frozen=True)
class RatioEvidence:
    """The candidate's latency over the baseline's. `p_worse` is the one-sided p-value of the ratio being at most
    `limit`; `low` and `high` bound the ratio, and are None where there is no interval."""

    ratio: float
    low: float | None
    high: float | None
    limit: float
    p_worse: float

    @property
    def detectable(self) -> float | None:
        """The smallest ratio that would have been called worse: as far above the limit as the interval reaches down."""
        return None if self.low is None else self.limit * self.ratio / self.low


def answers_of(evidence: Sequence[RatioEvidence], rate: float = FALSE_DISCOVERY_RATE) -> list[Answer]:
    """The answer to each of several cases that are judged together."""
    adjusted = benjamini_hochberg([one.p_worse for one in evidence])
    return [_answer(one, p, rate) for one, p in zip(evidence, adjusted, strict=True)]


def _answer(one: RatioEvidence, p_adjusted: float, rate: float) -> Answer:
    if one.low is None or one.high is None:
        return "cannot tell"
    if one.high < one.limit:
        return "fine"
    return "worse" if one.low > one.limit and p_adjusted <= rate else "cannot tell"


def decision_confidence(cases: int, rate: float = FALSE_DISCOVERY_RATE) -> float:
    """Of the interval that ends the measuring of one of so many cases as soon as it lies on one side of the limit.

    It is looked at again and again as pairs come in; this level, divided by the number of cases, is what a case that
    stops early has passed whatever the others turn out to be.
    """
    return 1 - rate / cases


def is_decided(log_ratios: Sequence[float], limit: float, confidence: float) -> bool:
    """Whether the interval of the ratio, one log ratio a pair of processes, lies wholly on one side of `limit`."""
    bounds = hodges_lehmann_interval(np.asarray(log_ratios, dtype=np.float64), confidence)
    return bounds is not None and not bounds[0] <= math.log(limit) <= bounds[1]


def pair_evidence(log_ratios: Sequence[float], limit: float) -> RatioEvidence:
    """From one log ratio a pair of processes; without an interval below ten of them."""
    found = paired_ratio(log_ratios)
    p = p_slower_pairs(np.asarray(log_ratios, dtype=np.float64), limit)
    if found.process_pairs < LEAST_PAIRS:
        return RatioEvidence(found.ratio, None, None, limit, p)
    return RatioEvidence(found.ratio, found.low, found.high, limit, p)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that those at most q keep the false discovery rate q."""
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    return [float(p) for p in false_discovery_control(np.clip(p_values, 0.0, 1.0), method="bh")]


def p_slower_rounds(log_a: Floats, log_b: Floats, limit: float) -> float:
    """One-sided p-value, by Mann-Whitney on the logarithms of the rounds' medians, of B's latency being at most `limit`
    times A's."""
    shifted = log_b - math.log(limit)
    return _one_sided(mann_whitney_p(log_a, shifted), float(np.median(np.subtract.outer(shifted, log_a))))


def p_slower_pairs(log_ratios: Floats, limit: float) -> float:
    """The same by signed ranks, on one log ratio a pair of processes."""
    shifted = log_ratios - math.log(limit)
    return _one_sided(signed_rank_p(shifted), hodges_lehmann(shifted))


def _one_sided(two_sided: float, shift: float) -> float:
    return two_sided / 2 if shift > 0 else 1 - two_sided / 2
