import math

import numpy as np
import pytest
from latency_models import processes
from simulation import verdicts

from latency_bench.harness.statistics.comparison import Comparison, compare, compare_many, holm, rounds_needed


def _rounds(medians: list[float]) -> list[np.ndarray]:
    return [np.array([value]) for value in medians]


def _spread(level: float, rounds: int = 9, seed: int = 0, spread: float = 0.005) -> list[np.ndarray]:
    return _rounds((level * (1 + spread * np.random.default_rng(seed).standard_normal(rounds))).tolist())


def test_a_against_a_is_called_a_difference_in_at_most_one_percent_of_a_thousand_pairs() -> None:
    """Processes spread by 2 %, on a machine that wanders by 3 % meanwhile."""
    counts = verdicts(np.random.default_rng(1), 1000, shift=0.0, between=0.02, drift=0.03)
    assert counts["slower"] + counts["faster"] <= 10
    assert counts["no difference shown"] >= 990


def test_a_real_shift_of_three_and_a_half_percent_is_found_in_at_least_nine_of_ten() -> None:
    counts = verdicts(np.random.default_rng(2), 500, shift=0.035, between=0.01)
    assert counts["slower"] >= 0.9 * 500
    assert counts["faster"] == 0


def test_the_interval_of_the_ratio_covers_the_true_ratio() -> None:
    counts = verdicts(np.random.default_rng(3), 600, shift=0.035, between=0.01, drift=0.01)
    assert counts["covered"] >= 0.93 * 600


def test_a_real_difference_that_was_shown_not_to_matter_is_not_claimed() -> None:
    found = compare(_spread(10.0, spread=0.001), _spread(10.1, seed=1, spread=0.001))
    assert found.p_value < 0.002
    assert found.verdict == "no difference shown"
    assert found.within_threshold
    assert "none of 3% or more" in found.text


def test_the_verdict_says_whether_the_threshold_was_surely_passed() -> None:
    surely = compare(_spread(10.0), _spread(11.0, seed=1))
    assert (surely.verdict, surely.beyond_threshold) == ("slower", True)
    assert "at least the threshold" in surely.text
    perhaps = compare(_spread(10.0, spread=0.01), _spread(10.35, seed=1, spread=0.01))
    assert (perhaps.verdict, perhaps.beyond_threshold) == ("slower", False)
    assert "possibly less" in perhaps.text


def test_turning_the_comparison_round_turns_the_verdict() -> None:
    a, b = _spread(10.0), _spread(12.0, rounds=12, seed=1)
    forth, back = compare(a, b), compare(b, a)
    assert (forth.verdict, back.verdict) == ("slower", "faster")
    assert back.ratio == pytest.approx(1 / forth.ratio)
    assert back.low == pytest.approx(1 / forth.high)
    assert back.p_value == pytest.approx(forth.p_value)


def test_unequal_counts_alone_are_no_difference() -> None:
    """One tool calls any two sets of unequal length significantly different."""
    random = np.random.default_rng(4)
    for a, b in ((9, 12), (7, 40), (5, 9)):
        found = [compare(*_split(processes(random, a + b, 30, between=0.01), a)) for _ in range(60)]
        assert all(one.verdict == "no difference shown" for one in found)
        assert (found[0].rounds_a, found[0].rounds_b) == (a, b)


def _split(rounds: list[np.ndarray], count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return rounds[:count], rounds[count:]


def test_unequal_counts_within_rounds_do_not_weigh() -> None:
    a = [np.full(10, m) for m in (10.0, 10.1, 10.2, 9.9, 9.8, 10.05, 9.95)]
    b = [np.full(1000, m) for m in (10.0, 10.1, 10.2, 9.9, 9.8, 10.05, 9.95)]
    assert compare(a, b).ratio == pytest.approx(1.0)
    assert compare(a, b).p_value == 1.0


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 3), (6, 6), (5, 7), (1, 500)])
def test_too_few_rounds_say_so_however_large_the_difference(a: int, b: int) -> None:
    found = compare(_spread(10.0, a), _spread(20.0, b, seed=1))
    assert found.verdict == "too few rounds"
    assert found.rounds_needed == 7
    assert found.ratio == pytest.approx(2, rel=0.02)
    assert "7 on each side" in found.text


def test_the_fewest_rounds_are_those_at_which_the_formula_allows_the_claim() -> None:
    assert 2 / math.comb(12, 6) > 0.002 > 2 / math.comb(14, 7)
    assert rounds_needed() == 7
    assert compare(_spread(10.0, 7), _spread(12.0, 7, seed=1)).verdict == "slower"
    assert compare(_spread(10.0, 4), _spread(12.0, 10, seed=1)).verdict == "slower"
    assert 2 / math.comb(2 * rounds_needed(comparisons=20), rounds_needed(comparisons=20)) * 20 < 0.002


def test_one_round_against_one_gives_a_ratio_without_an_interval() -> None:
    found = compare(_rounds([10.0]), _rounds([12.0]))
    assert (found.ratio, found.low, found.high) == (pytest.approx(1.2), None, None)


def test_conditions_that_differ_forbid_a_verdict() -> None:
    found = compare(_spread(10.0), _spread(20.0, seed=1), differences=["clocks: 1300 MHz, 900 MHz"])
    assert found.verdict == "cannot be compared"
    assert found.text == "cannot be compared: clocks: 1300 MHz, 900 MHz"


def test_holm_adjusts_as_published() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_several_comparisons_are_corrected_together_and_leave_out_those_that_cannot_be_made() -> None:
    apart = (_spread(10.0, 7), _spread(12.0, 7, seed=1), ())
    same = (_spread(10.0, 7), _spread(10.0, 7, seed=2), ())
    unlike = (_spread(10.0, 7), _spread(12.0, 7, seed=1), ["precision"])
    alone = compare_many({"a": apart, "u": unlike})
    assert alone["a"].verdict == "slower"
    assert alone["a"].comparisons == 1
    together = compare_many({"a": apart, **{f"s{i}": same for i in range(4)}})
    assert together["a"].p_adjusted == pytest.approx(5 * together["a"].p_value)
    # 7 against 7 cannot reach p < 0.002 when looked at with four others, 9 against 9 can.
    assert together["a"].verdict == "too few rounds"
    assert together["a"].rounds_needed == 8
    enough = (_spread(10.0), _spread(12.0, seed=1), ())
    assert compare_many({"a": enough, **{f"s{i}": same for i in range(4)}})["a"].verdict == "slower"


def test_many_comparisons_of_equals_hardly_ever_claim_anything() -> None:
    random = np.random.default_rng(5)
    claimed = 0
    for _ in range(50):
        family = {str(i): (*_split(processes(random, 18, 5, between=0.02), 9), ()) for i in range(20)}
        claimed += any(one.verdict in ("faster", "slower") for one in compare_many(family).values())
    assert claimed <= 1


def test_latencies_that_are_not_positive_and_thresholds_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="not positive"):
        compare(_rounds([0.0]), _rounds([1.0]))
    with pytest.raises(ValueError, match="threshold"):
        compare(_rounds([1.0]), _rounds([1.0]), threshold=0)


def test_every_verdict_has_a_sentence() -> None:
    found = compare(_spread(10.0), _spread(10.0, seed=1))
    assert isinstance(found, Comparison)
    assert "no difference shown" in found.text
    assert "9 against 9 rounds" in found.text
