import math

import numpy as np
import pytest
from machine_noise import EPYC_MILAN, NOISES, MachineNoise
from pair_simulation import measure, one_pair, verdicts

from latency_bench.harness.statistics.block_ratio import block_ratio, trimmed_mean
from latency_bench.harness.statistics.intervals import round_medians
from latency_bench.harness.statistics.pair_components import best_seconds, components
from latency_bench.harness.statistics.paired_ratio import is_narrow, next_look, paired_ratio, pairs_needed, verdict


def test_what_changes_steadily_during_the_blocks_is_no_ratio() -> None:
    """A machine that slows down by 1 % a burst, and more blocks of one order than of the other."""
    b_first = np.array([True, False, False, False, True, False])
    moments = np.arange(12.0).reshape(6, 2) * 0.01
    log_a = np.where(b_first, moments[:, 1], moments[:, 0])
    log_b = np.where(b_first, moments[:, 0], moments[:, 1]) + math.log(1.2)
    assert math.exp(block_ratio(log_a, log_b, b_first).log_ratio) == pytest.approx(1.2, rel=1e-9)


def test_a_few_requests_that_a_neighbour_delayed_do_not_move_the_ratio() -> None:
    random = np.random.default_rng(1)
    quiet = 0.01 * random.standard_normal(100)
    disturbed = quiet.copy()
    disturbed[::10] += math.log(10)
    assert trimmed_mean(disturbed) == pytest.approx(trimmed_mean(quiet), abs=0.004)
    assert np.mean(disturbed) > 0.2


def test_the_ratio_of_alternating_requests_is_free_of_the_machines_drift_and_that_of_blocks_is_not() -> None:
    """On the noise of the EPYC the same model against itself: neighbours agree within 1 %, halves of a run by 5 %."""
    random = np.random.default_rng(2)
    paired = [one_pair(random, EPYC_MILAN, 0.0, 30.0, 0.1, between=0.0).log_ratio for _ in range(60)]
    halves = []
    for _ in range(60):
        series = EPYC_MILAN.shared(random, 300, 0.1) + EPYC_MILAN.white * random.standard_normal(300)
        first, second = round_medians([series[:150], series[150:]])
        halves.append(second - first)
    assert np.std(paired) < 0.01
    assert np.std(halves) > 0.05


def test_a_standard_error_tells_how_the_ratio_of_one_pair_scatters() -> None:
    random = np.random.default_rng(3)
    pairs = [one_pair(random, EPYC_MILAN, 0.0, 20.0, 0.05, between=0.0) for _ in range(200)]
    scatter = float(np.std([pair.log_ratio for pair in pairs]))
    assert np.median([pair.standard_error for pair in pairs]) == pytest.approx(scatter, rel=0.2)


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.name)
def test_the_interval_covers_the_ratio_although_it_stops_the_measurement(noise: MachineNoise) -> None:
    counts = verdicts(np.random.default_rng(4), noise, 150, log_ratio=0.02)
    # 95 % less three standard errors of so few trials.
    assert counts["covered"] >= 150 * (0.95 - 3 * 0.0178)


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.name)
def test_a_model_against_itself_is_never_called_faster_or_slower(noise: MachineNoise) -> None:
    counts = verdicts(np.random.default_rng(5), noise, 200, log_ratio=0.0, within=0.03)
    # Each has a chance of p < 0.002; three or more of 200 are seen once in a hundred times.
    assert counts["faster"] + counts["slower"] <= 2


def test_what_starting_first_costs_widens_no_interval() -> None:
    """3 % on whoever starts first, six times what pairs spread by without it."""
    neutral, costly = (
        verdicts(np.random.default_rng(8), NOISES[1], 60, log_ratio=math.log(1.02), start_effect=effect)
        for effect in (0.0, 0.03)
    )
    assert costly["covered"] >= 60 * (0.95 - 3 * 0.0281)
    assert costly["pairs"] <= 1.3 * neutral["pairs"]
    assert costly["slower"] >= 0.9 * neutral["slower"]


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.name)
def test_three_percent_are_found_within_minutes(noise: MachineNoise) -> None:
    counts = verdicts(np.random.default_rng(6), noise, 60, log_ratio=math.log(1.03))
    assert counts["slower"] >= 0.95 * 60
    assert counts["minutes"] / 60 < 12


def test_a_measurement_that_ran_out_of_time_cannot_tell() -> None:
    trial = measure(np.random.default_rng(7), EPYC_MILAN, within=0.001, most_minutes=0.5)
    assert not trial.narrow
    assert verdict(trial.found, 0.001) == "cannot tell"


def test_verdicts() -> None:
    spread = np.linspace(-0.002, 0.002, 10)
    slower = paired_ratio(list(0.05 + spread))
    assert (verdict(slower, 0.01), slower.p_value < 0.002) == ("slower", True)
    assert verdict(paired_ratio(list(-0.05 + spread)), 0.01) == "faster"
    assert verdict(slower, 0.01, p_value=0.01) == "cannot tell"
    assert verdict(slower, 0.01, trusted=False) == "cannot tell"
    assert verdict(paired_ratio(list(spread)), 0.01) == "no difference shown"
    real_but_small = paired_ratio(list(0.006 + spread))
    assert (real_but_small.p_value < 0.002, verdict(real_but_small, 0.01)) == (True, "no difference shown")
    wide = paired_ratio(list(0.02 + 30 * spread))
    assert verdict(wide, 0.01) == "cannot tell"
    assert verdict(paired_ratio(list(0.05 + spread)[:9]), 0.01) == "cannot tell"


def test_few_pairs_have_a_t_interval_and_one_has_none() -> None:
    assert paired_ratio([0.1]).low is None
    few = paired_ratio([0.1, 0.11, 0.12])
    assert few.low is not None
    assert few.high is not None
    assert few.low < math.exp(0.11) < few.high
    assert "t interval" in few.basis
    assert not is_narrow(few, 1.0)
    with pytest.raises(ValueError, match="no pair"):
        paired_ratio([])


def test_looks_grow_further_apart() -> None:
    looks = [next_look(0)]
    while looks[-1] < 40:
        looks.append(next_look(looks[-1]))
    assert looks == [10, 12, 14, 16, 19, 22, 26, 31, 37, 44]


def test_how_many_pairs_a_width_needs_follows_from_the_width_reached() -> None:
    reached = paired_ratio(list(0.05 + np.linspace(-0.02, 0.02, 12)))
    needed = pairs_needed(reached, reached.relative_width / 2)
    assert needed is not None
    assert 48 <= needed <= 49
    assert pairs_needed(paired_ratio([0.1]), 0.01) is None


def test_a_pair_runs_the_longer_the_noisier_its_requests_and_the_more_alike_the_processes() -> None:
    random = np.random.default_rng(8)
    seconds = {}
    for between in (0.002, 0.02):
        pairs = [one_pair(random, EPYC_MILAN, 0.0, 10.0, 0.1, between=between) for _ in range(30)]
        split = components([one.log_ratio for one in pairs], [one.standard_error for one in pairs], [10.0] * 30)
        assert split is not None
        assert split.between == pytest.approx(between, abs=0.006)
        seconds[between] = best_seconds(split, 3.5, 1.0, 600.0)
    assert seconds[0.002] > 3 * seconds[0.02]


def test_the_first_pair_alone_already_says_how_long_the_next_should_run() -> None:
    assert components([0.1], [None], [4.0]) is None
    first = components([0.1], [0.01], [4.0])
    assert first is not None
    assert first.between == pytest.approx(0.005)
    assert first.within == pytest.approx(0.02)
