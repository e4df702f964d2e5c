"""How many rounds: against the formula, and against what the interval becomes."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.harness.statistics.intervals import median_interval
from latency_bench.harness.statistics.round_count import RoundVariance, round_variance, rounds_for_interval


def _rounds(random: np.random.Generator, count: int, between: float, within: float) -> list[np.ndarray]:
    levels = np.exp(random.normal(0, between, count))
    return [level * np.exp(random.normal(0, within, 100)) for level in levels]


def test_variances_between_and_within_are_told_apart() -> None:
    random = np.random.default_rng(1)
    found = [round_variance(_rounds(random, 20, 0.02, 0.05)) for _ in range(30)]
    between = np.mean([one.between for one in found if one])
    within = np.mean([one.within for one in found if one])
    assert between == pytest.approx(0.02**2, rel=0.3)
    # The variance of a median of normal samples is pi / 2 times that of their mean.
    assert within == pytest.approx(np.pi / 2 * 0.05**2 / 100, rel=0.4)


def test_the_number_is_that_of_the_formula() -> None:
    variance = RoundVariance(between=0.01**2, within=0.0, rounds=10)
    assert rounds_for_interval(variance, 0.02) == int(np.ceil((2 * 2.262157 * 0.01 / 0.02) ** 2))
    assert rounds_for_interval(RoundVariance(0.0, 0.0, 3), 0.05) == 2


def test_rounds_that_agree_by_luck_count_what_is_unsure_inside_of_them() -> None:
    noisy = np.exp(np.random.default_rng(1).normal(0, 0.2, 40))
    found = round_variance([noisy, noisy, noisy])
    assert found is not None
    assert found.between == 0
    assert found.of_a_round > 0
    assert round_variance([noisy]) is None


def test_as_many_rounds_give_the_interval_that_was_asked_for() -> None:
    random = np.random.default_rng(2)
    narrow, covered, trials = 0, 0, 60
    for _ in range(trials):
        first = _rounds(random, 5, 0.02, 0.01)
        variance = round_variance(first)
        assert variance is not None
        rest = max(0, rounds_for_interval(variance, 0.05) - 5)
        found = median_interval([*first, *_rounds(random, rest, 0.02, 0.01)])
        assert found.low is not None
        assert found.high is not None
        narrow += (found.high - found.low) / found.median <= 0.06
        covered += found.low <= 1 <= found.high
    assert narrow >= 0.7 * trials
    assert covered >= 0.87 * trials
