from __future__ import annotations

import numpy as np
import pytest

from bench_worker.steady import quantile, windows_agree


def _spread(centre, half_width, count=21):
    return np.linspace(centre - half_width, centre + half_width, count).tolist()


def test_equal_windows_agree_in_any_order():
    window = _spread(1000, 30)
    assert windows_agree(window, window[::-1])


@pytest.mark.parametrize(("shift", "agree"), [(1.04, True), (0.96, True), (1.06, False), (0.94, False)])
def test_quartiles_may_differ_by_five_percent(shift, agree):
    later = _spread(1000, 20)
    assert windows_agree([value * shift for value in later], later) is agree


def test_the_median_counts_among_the_quartiles():
    # Same first and third quartile, medians 8 % apart.
    low = [960, 960, 960, 961, 962, 1040, 1040, 1040, 1040]
    high = [960, 960, 960, 1038, 1039, 1040, 1040, 1040, 1040]
    assert quantile(sorted(low), 0.25) == quantile(sorted(high), 0.25)
    assert quantile(sorted(low), 0.75) == quantile(sorted(high), 0.75)
    assert not windows_agree(low, high)


def test_a_spread_that_changes_is_not_steady():
    narrow, wide = _spread(1000, 5), _spread(1000, 70)
    assert not windows_agree(wide, narrow)
    assert not windows_agree(narrow, wide)


def test_a_change_of_spread_below_one_percent_of_the_median_does_not_matter():
    assert windows_agree(_spread(1000, 1), _spread(1000, 10))


def test_identical_values_agree():
    assert windows_agree([500] * 10, [500] * 10)
    assert not windows_agree([500] * 10, [600] * 10)


def test_one_stray_request_does_not_prolong_the_warm_up():
    assert windows_agree([1000] * 9 + [9000], [1000] * 10)


@pytest.mark.parametrize(("sigma", "least"), [(0.005, 0.99), (0.02, 0.80)])
def test_ten_samples_of_a_steady_process_mostly_agree(sigma, least):
    random = np.random.default_rng(1)
    windows = np.exp(sigma * random.standard_normal((1000, 2, 10)))
    assert np.mean([windows_agree(first, second) for first, second in windows]) >= least


def test_quantile_is_numpys():
    values = sorted(np.random.default_rng(0).standard_normal(37).tolist())
    for fraction in (0.0, 0.1, 0.25, 0.5, 0.75, 1.0):
        assert quantile(values, fraction) == pytest.approx(np.quantile(values, fraction))
