"""Is B faster than A? A verdict on two sets of rounds, with the ratio, its interval and what would be needed for more.

A difference is claimed when the rank test on the rounds' medians rejects equality (p < 0.002, as asv asks) *and* the
interval of the ratio is not wholly inside the practical threshold (3 %). The first keeps noise from becoming a claim,
the second keeps out differences that are real and do not matter. This is the joint reading of a test of difference and
one of equivalence (Schuirmann, "A comparison of the two one-sided tests procedure", J. Pharmacokinetics and
Biopharmaceutics 15, 1987; Tryon, "Evaluating statistical difference, equivalence, and indeterminacy", Psychological
Methods 6, 2001). A point estimate held against the threshold would miss every other difference of exactly that size;
docs/statistics.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from latency_bench.harness.number_text import ratio_words
from latency_bench.harness.statistics.intervals import round_medians
from latency_bench.harness.statistics.order_statistics import Floats
from latency_bench.harness.statistics.rank_test import mann_whitney_p, pairs_outside, smallest_p

ALPHA = 0.002
THRESHOLD = 0.03
CONFIDENCE = 0.95

Verdict: TypeAlias = Literal["faster", "slower", "no difference shown", "cannot be compared", "too few rounds"]


@dataclass(frozen=True)
class Comparison:
    """B against A. `ratio` is B's latency over A's, between `low` and `high` at `confidence`.

    `low` and `high` are None with too few rounds for any interval. `p_adjusted` is the p-value after correction for the
    other comparisons made with this one. `rounds_needed` is set with "too few rounds": that many on each side would do.
    `differences` are those of the conditions, for "cannot be compared".
    """

    verdict: Verdict
    ratio: float
    low: float | None
    high: float | None
    confidence: float
    p_value: float
    p_adjusted: float
    alpha: float
    threshold: float
    rounds_a: int
    rounds_b: int
    comparisons: int = 1
    rounds_needed: int | None = None
    differences: tuple[str, ...] = ()

    @property
    def within_threshold(self) -> bool:
        """The whole interval lies inside the threshold: whatever the difference is, it was shown not to matter."""
        limit = 1 + self.threshold
        return self.low is not None and self.high is not None and self.low > 1 / limit and self.high < limit

    @property
    def beyond_threshold(self) -> bool:
        """The whole interval lies outside the threshold, on one side: the difference was shown to matter."""
        limit = 1 + self.threshold
        return self.low is not None and self.high is not None and (self.low >= limit or self.high <= 1 / limit)

    @property
    def direction(self) -> Literal["faster", "slower"] | None:
        """What the interval alone says, at `confidence`: on which side of 1 it lies wholly. The claims of a report rest
        on it; None where it holds 1, or there is none."""
        if self.low is None or self.high is None or self.low <= 1 <= self.high:
            return None
        return "slower" if self.low > 1 else "faster"

    @property
    def text(self) -> str:
        """The verdict in one sentence, with its figures."""
        figures = ratio_words(self.ratio, self.low, self.high)
        figures += f", p {self.p_adjusted:.2g}, {self.rounds_a} against {self.rounds_b} rounds"
        if self.comparisons > 1:
            figures += f", corrected for {self.comparisons} comparisons"
        if self.verdict == "cannot be compared":
            return f"cannot be compared: {'; '.join(self.differences)}"
        if self.verdict == "too few rounds":
            claim = f"it at p < {self.alpha:g}" if self.direction else "a difference"
            shown = f"{self.direction} at {self.confidence:.0%} confidence, but " if self.direction else ""
            return f"{shown}too few rounds to claim {claim}, {self.rounds_needed} on each side would do: {figures}"
        if self.verdict == "no difference shown":
            known = f"none of {self.threshold:.0%} or more" if self.within_threshold else "nor was one ruled out"
            return f"no difference shown, {known}: {figures}"
        size = "at least" if self.beyond_threshold else "possibly less than"
        return f"{self.verdict} by {abs(self.ratio - 1):.1%}, {size} the threshold of {self.threshold:.0%}: {figures}"


def enough_rounds(rounds_a: int, rounds_b: int, alpha: float = ALPHA, comparisons: int = 1) -> bool:
    """Whether the test can reach p < alpha with so many rounds at all."""
    return smallest_p(rounds_a, rounds_b) * comparisons < alpha


def rounds_needed(alpha: float = ALPHA, comparisons: int = 1) -> int:
    """The fewest rounds on each side with which the test can reach p < alpha at all: 7 at 0.002."""
    count = 1
    while not enough_rounds(count, count, alpha, comparisons):
        count += 1
    return count


def compare(
    rounds_a: Sequence[Floats],
    rounds_b: Sequence[Floats],
    *,
    differences: Sequence[str] = (),
    threshold: float = THRESHOLD,
    alpha: float = ALPHA,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compare B with A by the samples of their rounds, one array a round; counts need not agree.

    `differences` name what differs between the conditions and matters; with any, no verdict is given on the speed.
    Raises ValueError on an empty round, a round whose median is not positive, or a threshold that is not positive.
    """
    return compare_many(
        {"": (rounds_a, rounds_b, differences)}, threshold=threshold, alpha=alpha, confidence=confidence
    )[""]


def compare_many(
    pairs: Mapping[str, tuple[Sequence[Floats], Sequence[Floats], Sequence[str]]],
    *,
    threshold: float = THRESHOLD,
    alpha: float = ALPHA,
    confidence: float = CONFIDENCE,
) -> dict[str, Comparison]:
    """Several comparisons at once: (rounds of A, rounds of B, differences) by name, corrected by Holm's method.

    The chance of one false claim among all of them stays below alpha. The intervals are those of each ratio alone.
    """
    if threshold <= 0 or not 0 < alpha < 1 or not 0 < confidence < 1:
        raise ValueError("threshold has to be positive, alpha and confidence between 0 and 1")
    found = {
        name: _measure(_log_medians(a), _log_medians(b), tuple(differences), threshold, alpha, confidence)
        for name, (a, b, differences) in pairs.items()
    }
    family = [name for name, comparison in found.items() if not comparison.differences]
    adjusted = holm([found[name].p_value for name in family])
    for name, p in zip(family, adjusted, strict=True):
        found[name] = _judge(replace(found[name], p_adjusted=p, comparisons=len(family)))
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for having been looked at together (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _log_medians(rounds: Sequence[Floats]) -> Floats:
    medians = round_medians(rounds)
    if (medians <= 0).any():
        raise ValueError("a round's median is not positive: a ratio of latencies cannot be formed")
    logs: Floats = np.log(medians)
    return logs


def _measure(
    a: Floats, b: Floats, differences: tuple[str, ...], threshold: float, alpha: float, confidence: float
) -> Comparison:
    """The ratio by Hodges & Lehmann: the median of all differences of log medians, B minus A.

    Its interval is made of the same ranks as the test, so that the two never contradict each other, and holds for any
    distribution of the rounds.
    """
    shifts = np.sort((b[:, None] - a[None, :]).ravel())
    outside = pairs_outside(a.size, b.size, confidence)
    low, high = (
        (None, None) if outside < 0 else (math.exp(shifts[outside]), math.exp(shifts[shifts.size - 1 - outside]))
    )
    p = mann_whitney_p(a, b)
    ratio = math.exp(float(np.median(shifts)))
    return Comparison(
        "cannot be compared", ratio, low, high, confidence, p, p, alpha, threshold, a.size, b.size,
        differences=differences,
    )  # fmt: skip


def _judge(found: Comparison) -> Comparison:
    if found.p_adjusted < found.alpha:
        if found.within_threshold:
            return replace(found, verdict="no difference shown")
        return replace(found, verdict="slower" if found.ratio > 1 else "faster")
    if not enough_rounds(found.rounds_a, found.rounds_b, found.alpha, found.comparisons):
        needed = rounds_needed(found.alpha, found.comparisons)
        return replace(found, verdict="too few rounds", rounds_needed=needed)
    return replace(found, verdict="no difference shown")
