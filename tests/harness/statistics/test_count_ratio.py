"""The interval of a ratio of counts: exact where counts repeat, wide where they do not, and as sure as it says."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.harness.statistics.count_ratio import CONFIDENCE, count_evidence
from latency_bench.harness.statistics.gate_answer import answers_of


@pytest.mark.parametrize(
    ("candidate", "answer"),
    [([105.0] * 4, "worse"), ([102.0] * 4, "fine"), ([80.0, 130.0, 70.0, 140.0], "cannot tell")],
)
def test_three_answers(candidate: list[float], answer: str) -> None:
    evidence = count_evidence([100.0] * 4, candidate, 1.03)
    assert answers_of([evidence]) == [answer]


def test_counts_that_repeat_have_an_interval_of_no_width() -> None:
    evidence = count_evidence([100.0] * 4, [110.0] * 4, 1.03)
    assert (evidence.ratio, evidence.low, evidence.high) == pytest.approx((1.1, 1.1, 1.1))


def test_intervals_cover_the_ratio_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    a, b = np.exp(0.012 * random.standard_normal((2, 2000, 4)))
    evidence = [count_evidence(list(one), list(other), 1.0) for one, other in zip(a, b, strict=True)]
    covered = np.mean([one.low <= 1 <= one.high for one in evidence if one.low is not None and one.high is not None])
    assert covered >= CONFIDENCE - 0.005


@pytest.mark.parametrize("counts", [[1.0], [1.0, 0.0], [1.0, -2.0]])
def test_counts_that_say_nothing_are_refused(counts: list[float]) -> None:
    with pytest.raises(ValueError, match="positive counts"):
        count_evidence([1.0, 1.0], counts, 1.03)
