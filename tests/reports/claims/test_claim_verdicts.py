"""The verdict on an interval, and how often it is a false one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from latency_bench.harness.statistics.comparison import compare
from latency_bench.reports.attention_ratios import ratio_of
from latency_bench.reports.claims.claim_verdicts import MARGIN, PublishedFactor, judge


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (9.2, 10.9, "reproduced"),
        (10 / MARGIN, 10 * MARGIN, "reproduced"),
        (9.0, 10.9, "same direction, size undecided"),
        (1.1, 30.0, "same direction, size undecided"),
        (11.1, 30.0, "same direction, larger"),
        (1.1, 9.0, "same direction, smaller"),
        (0.9, 30.0, "undecided"),
        (0.9, 1.1, "undecided"),
        (1.0, 2.0, "undecided"),
        (0.5, 1.0, "undecided"),
        (0.5, 0.99, "contradicted"),
    ],
)
def test_verdicts(low: float, high: float, verdict: str) -> None:
    assert judge(PublishedFactor.parse("10"), low, high) == verdict


@pytest.mark.parametrize(
    ("printed", "low", "high", "verdict"),
    [
        ("3.3-4.5", 3.1, 4.8, "reproduced"),
        ("3.3-4.5", 1.4, 1.9, "same direction, smaller"),
        (">1", 1.01, 900.0, "reproduced"),
        (">=1", 0.99, 1.02, "undecided"),
        (">1", 0.5, 0.99, "contradicted"),
    ],
)
def test_ranges_and_directions(printed: str, low: float, high: float, verdict: str) -> None:
    assert judge(PublishedFactor.parse(printed), low, high) == verdict


def test_a_factor_near_1_is_undecided_wherever_the_interval_holds_1() -> None:
    """The margin around 1.05 holds 1 itself."""
    assert judge(PublishedFactor.parse("1.05"), 0.99, 1.10) == "undecided"
    assert judge(PublishedFactor.parse("1.05"), 1.01, 1.10) == "reproduced"


def verdicts_on_simulated_evidence(factor: float, rounds: tuple[int, int], spread: float, trials: int) -> Counter[str]:
    """Verdicts on a published factor of 10 where the true one is `factor`, by medians of rounds that spread by `spread`
    (standard deviation of the logarithm)."""
    random = np.random.default_rng(7)
    baseline = factor * np.exp(random.normal(0, spread, (trials, rounds[0])))
    candidate = np.exp(random.normal(0, spread, (trials, rounds[1])))
    verdicts: Counter[str] = Counter()
    for slower_ms, faster_ms in zip(baseline, candidate, strict=True):
        _, low, high = ratio_of(slower_ms, faster_ms)
        assert low is not None
        assert high is not None
        verdicts[judge(PublishedFactor.parse("10"), low, high)] += 1
    return verdicts


@pytest.mark.parametrize("rounds", [(4, 4), (5, 5), (4, 9), (7, 7), (9, 9)])
@pytest.mark.parametrize("spread", [0.01, 0.2])
def test_where_nothing_is_to_be_found_hardly_anything_is(rounds: tuple[int, int], spread: float) -> None:
    trials = 2000
    verdicts = verdicts_on_simulated_evidence(1.0, rounds, spread, trials)
    # Two standard errors for the simulation itself.
    assert (trials - verdicts["undecided"]) / trials <= 0.05 + 2 * (0.05 * 0.95 / trials) ** 0.5


def test_a_factor_that_misses_is_not_reproduced_by_imprecision() -> None:
    """The wider the interval, the less is said: 0.85 of the published factor is never reproduced more often for it."""
    reproduced = [
        verdicts_on_simulated_evidence(8.5, (5, 5), spread, 500)["reproduced"] / 500 for spread in (0.01, 0.1)
    ]
    assert max(reproduced) <= 0.05
    exact = verdicts_on_simulated_evidence(10.0, (5, 5), 0.02, 500)
    assert exact["reproduced"] / 500 >= 0.9


def test_bench_compare_says_the_same_direction_of_the_same_rounds() -> None:
    """Four rounds against four: an interval at 95 %, and too few rounds for p < 0.002. Both are said by both."""
    slow, fast = ([np.array([ms * one]) for one in (1.0, 1.01, 1.02, 0.99)] for ms in (30.0, 10.0))
    compared = compare(slow, fast)
    assert compared.verdict == "too few rounds"
    assert compared.direction == "faster"
    assert compared.text.startswith("faster at 95% confidence, but too few rounds to claim it at p < 0.002, 7 on each")
    assert compare(slow[:3], fast[:3]).direction is None
    assert compare(slow, slow).direction is None
