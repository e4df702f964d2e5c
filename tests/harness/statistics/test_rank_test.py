from itertools import combinations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from latency_bench.harness.statistics import rank_test
from latency_bench.harness.statistics.rank_test import mann_whitney_p, midranks, pairs_outside, smallest_p


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 7), (9, 9), (4, 13), (20, 20)])
def test_without_ties_p_is_scipys_exact_one(a: int, b: int) -> None:
    random = np.random.default_rng(a + b)
    for shift in (0.0, 0.3, 0.8, 2.0):
        first, second = random.random(a), random.random(b) + shift
        expected = mannwhitneyu(first, second, method="exact").pvalue
        assert mann_whitney_p(first, second) == pytest.approx(expected, rel=1e-9)


def test_with_ties_p_counts_every_division_into_groups() -> None:
    a, b = np.array([1.0, 2.0, 2.0, 3.0]), np.array([2.0, 3.0, 3.0, 5.0, 6.0])
    ranks = midranks(np.concatenate([a, b]))
    expected = 4 * 10 / 2
    sums = [sum(ranks[list(chosen)]) for chosen in combinations(range(9), 4)]
    as_far = np.mean([abs(one - expected) >= abs(ranks[:4].sum() - expected) - 1e-9 for one in sums])
    assert mann_whitney_p(a, b) == pytest.approx(as_far)
    assert mann_whitney_p(np.ones(9), np.ones(9)) == 1.0


def test_groups_fully_apart_have_the_smallest_p_there_is() -> None:
    low, high = np.arange(9.0), np.arange(9.0) + 100
    assert mann_whitney_p(low, high) == pytest.approx(smallest_p(9, 9)) == pytest.approx(4.11e-5, rel=1e-3)
    assert mann_whitney_p(high, low) == mann_whitney_p(low, high)


@pytest.mark.parametrize(("a", "b"), [(40, 45), (60, 9)])
def test_groups_too_large_to_count_take_the_normal_approximation(
    a: int, b: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = np.random.default_rng(3).random(a)
    second = np.random.default_rng(4).random(b)
    # A shift at which the decision is close.
    shift = next(s for s in np.arange(0, 1, 0.005) if mann_whitney_p(first, second + s) < 0.002)
    exact, exact_pairs = mann_whitney_p(first, second + shift), pairs_outside(a, b, 0.95)
    pairs_outside.cache_clear()
    monkeypatch.setattr(rank_test, "EXACT_OPERATIONS", 10)
    approximate, approximate_pairs = mann_whitney_p(first, second + shift), pairs_outside(a, b, 0.95)
    pairs_outside.cache_clear()
    assert exact < approximate < 2 * exact
    assert approximate_pairs == pytest.approx(exact_pairs, abs=2)


def test_the_interval_of_the_shift_has_its_confidence() -> None:
    # Tables of the Mann-Whitney distribution: 17 is the critical U of 9 against 9 at 0.05, two-sided.
    assert pairs_outside(9, 9, 0.95) == 17
    assert pairs_outside(4, 4, 0.95) == 0
    assert pairs_outside(3, 3, 0.95) == -1


def test_an_empty_group_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one round"):
        mann_whitney_p(np.array([]), np.ones(3))
