import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from latency_models import normal_ar1

from latency_bench.harness.statistics import autocorrelation
from latency_bench.harness.statistics.autocorrelation import effective_count, effective_count_at


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_the_mean_of_an_ar1_series_is_worth_what_theory_says(rho: float) -> None:
    series = normal_ar1(np.random.default_rng(1), 200, 4000, rho)
    expected = 4000 * (1 - rho) / (1 + rho)
    assert np.mean([effective_count(one) for one in series]) == pytest.approx(expected, rel=0.06)


def test_the_median_of_an_ar1_series_is_worth_what_the_indicator_says() -> None:
    # The signs of two normal values correlated by r are correlated by 2 / pi * asin(r).
    tau = 1 + 2 * sum(2 / np.pi * np.arcsin(0.5**lag) for lag in range(1, 60))
    series = normal_ar1(np.random.default_rng(2), 200, 4000, 0.5)
    assert np.mean([effective_count_at(one, 0.0) for one in series]) == pytest.approx(4000 / tau, rel=0.05)


def test_order_matters_and_alternation_is_not_counted_as_a_gain() -> None:
    series = normal_ar1(np.random.default_rng(3), 1, 1000, 0.9)[0]
    assert effective_count(series) < 150 < 800 < effective_count(np.random.default_rng(4).permutation(series))
    assert effective_count(np.tile([1.0, 2.0], 100)) == 200


@given(st.lists(st.integers(-2, 2), min_size=3, max_size=30))
def test_a_series_read_backwards_is_worth_the_same(values: list[int]) -> None:
    """Autocovariances do not know a direction; sums that are exactly zero must not depend on rounding."""
    series = np.array(values, dtype=np.float64)
    assert effective_count(series) == pytest.approx(effective_count(series[::-1]))


def test_a_sum_that_is_zero_but_for_rounding_ends_the_sequence() -> None:
    series = np.array([-1.0, 1.0, 1.0, -1.0, 0.0, 1.0, -1.0])
    assert effective_count(series) == effective_count(series[::-1]) == 7


def test_series_without_any_variation_or_nearly_without_samples_count_in_full() -> None:
    assert effective_count(np.full(50, 3.3)) == 50
    assert effective_count(np.array([1.0])) == 1
    assert effective_count(np.array([1.0, 2.0])) == 2


def test_a_series_too_long_for_the_transform_gives_the_same_count_from_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    series = normal_ar1(np.random.default_rng(5), 1, 1 << 16, 0.5)[0]
    whole = effective_count(series)
    monkeypatch.setattr(autocorrelation, "LONGEST_SERIES", 1 << 12)
    assert effective_count(series) == pytest.approx(whole, rel=0.1)
