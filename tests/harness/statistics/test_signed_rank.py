import itertools

import numpy as np
import pytest

from latency_bench.harness.statistics.rank_test import midranks
from latency_bench.harness.statistics.signed_rank import (
    EXACT_COUNT,
    hodges_lehmann,
    hodges_lehmann_interval,
    signed_rank_p,
    smallest_signed_rank_p,
)


def _by_all_signs(differences: np.ndarray) -> float:
    """The p-value by trying every combination of signs."""
    ranks = midranks(np.abs(differences))[differences != 0]
    signs = np.array(list(itertools.product((0, 1), repeat=ranks.size)))
    sums = signs @ ranks
    seen = midranks(np.abs(differences))[differences > 0].sum()
    return float(np.mean(np.abs(sums - ranks.sum() / 2) >= abs(seen - ranks.sum() / 2) - 1e-9))


@pytest.mark.parametrize("seed", range(6))
def test_the_p_value_is_that_of_all_combinations_of_signs(seed: int) -> None:
    random = np.random.default_rng(seed)
    differences = random.standard_normal(9) + 0.4
    assert signed_rank_p(differences) == pytest.approx(_by_all_signs(differences))


def test_ties_and_zeros_are_counted_exactly_too() -> None:
    differences = np.array([0.0, 1.0, 1.0, -1.0, 2.0, 2.0, -3.0, 0.0, 4.0])
    assert signed_rank_p(differences) == pytest.approx(_by_all_signs(differences))
    assert signed_rank_p(np.zeros(5)) == 1.0


def test_ten_of_one_sign_reach_the_level_that_a_claim_needs_and_nine_do_not() -> None:
    assert signed_rank_p(np.arange(1.0, 11.0)) == smallest_signed_rank_p(10) < 0.002
    assert signed_rank_p(-np.arange(1.0, 10.0)) == smallest_signed_rank_p(9) > 0.002


def test_the_interval_is_the_set_of_centres_that_the_test_does_not_reject() -> None:
    values = np.random.default_rng(3).standard_normal(12)
    limits = hodges_lehmann_interval(values, 0.95)
    assert limits is not None
    low, high = limits
    assert low < hodges_lehmann(values) < high
    for centre, held in ((low + 1e-6, True), (low - 1e-6, False), (high - 1e-6, True), (high + 1e-6, False)):
        assert (signed_rank_p(values - centre) > 0.05) is held


def test_five_values_have_no_interval_of_95_percent_and_six_have_one() -> None:
    assert hodges_lehmann_interval(np.arange(5.0), 0.95) is None
    assert hodges_lehmann_interval(np.arange(6.0), 0.95) == (0.0, 5.0)


def test_the_approximation_for_many_values_joins_the_exact_counts() -> None:
    values = np.random.default_rng(4).standard_normal(EXACT_COUNT) + 0.15
    more = np.append(values, 0.15)
    assert signed_rank_p(more) == pytest.approx(signed_rank_p(values), rel=0.2)
    exact, approximate = hodges_lehmann_interval(values, 0.95), hodges_lehmann_interval(more, 0.95)
    assert exact is not None
    assert approximate == pytest.approx(exact, abs=0.01)
