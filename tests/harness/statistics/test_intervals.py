"""Coverage by simulation. Limits leave room for three binomial standard errors of the simulation itself."""

import numpy as np
import pytest
from latency_models import AUTOCORRELATED, HEAVY_TAILED, INDEPENDENT, MODELS, LatencyModel
from scipy.stats import norm
from simulation import coverage_of_one_round, coverage_of_rounds, coverage_of_sequential_stop
from simulation import stopped_by_precision as stopped_at

from latency_bench.harness.statistics.intervals import median_interval, process_interval, quantile_interval

LEAST, MOST = 0.93, 0.98


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("n", [100, 1000])
def test_the_interval_of_one_round_covers_the_median(model: LatencyModel, n: int) -> None:
    found = coverage_of_one_round(np.random.default_rng(n), model, n, 800)
    assert found.given >= 0.99 * found.trials
    assert LEAST - 3 * found.error < found.share < MOST + 3 * found.error


def test_taking_correlated_samples_for_independent_ones_would_not_cover() -> None:
    """The test above can fail: the same series shuffled, their correlation out of sight."""
    random = np.random.default_rng(8)
    series = AUTOCORRELATED.draw(random, 1500, 300)
    shuffled = [process_interval(random.permutation(one)) for one in series]
    assert np.mean([e.low <= 1.0 <= e.high for e in shuffled]) < 0.85


@pytest.mark.parametrize("rounds", [2, 3, 5, 6, 9])
def test_the_interval_over_rounds_covers_the_typical_process(rounds: int) -> None:
    found = coverage_of_rounds(np.random.default_rng(rounds), rounds, 50, 800, between=0.01, model=AUTOCORRELATED)
    assert found.given == found.trials
    assert LEAST - 3 * found.error < found.share < MOST + 3 * found.error


def test_one_round_cannot_see_the_spread_between_processes_and_has_no_interval() -> None:
    found = coverage_of_rounds(np.random.default_rng(1), 1, 300, 500, between=0.02)
    assert found.share < 0.5
    estimate = median_interval([INDEPENDENT.draw(np.random.default_rng(1), 1, 300)[0]])
    assert (estimate.low, estimate.high, estimate.relative_half_width) == (None, None, None)
    assert estimate.basis.startswith(f"1 round, {estimate.n_effective} effective of 300 samples; an interval needs")


@pytest.mark.parametrize("model", [INDEPENDENT, AUTOCORRELATED], ids=lambda model: model.name)
def test_what_is_reported_after_stopping_by_precision_still_covers(model: LatencyModel) -> None:
    found = coverage_of_sequential_stop(np.random.default_rng(6), model, 1200, most=2500)
    assert found.share > LEAST - 3 * found.error


def test_sampling_stops_at_the_first_look_that_is_narrow_enough() -> None:
    random = np.random.default_rng(5)
    assert stopped_at(1 + 1e-4 * random.random(1000), asked=0.01, least=30) == 30
    assert stopped_at(random.random(1000) + 0.5, asked=0.01, least=30) == 1000


def test_between_rounds_nothing_but_their_medians_counts() -> None:
    """A CV inside one process cannot see the drift between processes; the interval over rounds has to."""
    random = np.random.default_rng(2)
    calm = [level * (1 + 0.001 * random.standard_normal(1000)) for level in (1.0, 1.05, 0.96, 1.02, 0.99, 1.03, 0.97)]
    assert max(samples.std() / samples.mean() for samples in calm) < 0.002
    estimate = median_interval(calm)
    assert estimate.rounds == 7
    assert estimate.basis == "7 rounds"
    assert estimate.relative_half_width is not None
    assert estimate.relative_half_width > 0.02


def test_few_rounds_fall_back_to_t_and_say_so() -> None:
    rounds = [np.full(20, level) for level in (10.0, 10.2, 10.1)]
    estimate = median_interval(rounds)
    assert estimate.basis == "3 rounds (t interval)"
    assert estimate.median == 10.1
    logs = np.log([10.0, 10.2, 10.1])
    half = 4.302653 * logs.std(ddof=1) / np.sqrt(3)
    assert estimate.low == pytest.approx(np.exp(logs.mean() - half))
    assert estimate.high == pytest.approx(np.exp(logs.mean() + half))


def test_five_samples_support_no_interval() -> None:
    estimate = process_interval(np.array([1.0, 1.1, 0.9, 1.05, 1.0]))
    assert (estimate.low, estimate.high, estimate.relative_half_width) == (None, None, None)
    assert "needs 6" in estimate.basis


def test_a_coarse_clock_does_not_make_the_interval_vanish() -> None:
    readings = np.repeat([9.0, 10.0, 11.0], [20, 60, 20])
    estimate = process_interval(np.random.default_rng(3).permutation(readings))
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.median == 10.0
    assert estimate.low < 10.0 < estimate.high
    assert estimate.high - estimate.low > 0.1


def test_the_interval_holds_the_number_that_is_printed_beside_it() -> None:
    """With 35 % of the readings on 10 and the rest on 11 the latency was about 10.7, but the median reads 11."""
    readings = np.random.default_rng(4).permutation(np.repeat([10.0, 11.0], [350, 650]))
    estimate = process_interval(readings)
    assert estimate.median == estimate.high == 11.0
    assert estimate.low is not None
    assert 10.5 < estimate.low < 10.8


def test_the_unit_of_the_samples_does_not_matter() -> None:
    samples = HEAVY_TAILED.draw(np.random.default_rng(4), 3, 200)
    in_ms, in_ns = median_interval(list(samples)), median_interval(list(samples * 1e6))
    assert in_ns.low == pytest.approx(in_ms.low * 1e6)
    assert in_ns.relative_half_width == pytest.approx(in_ms.relative_half_width)


@pytest.mark.parametrize("q", [0.9, 0.99])
def test_the_interval_of_a_tail_quantile_covers(q: float) -> None:
    truth = float(np.exp(0.03 * norm.ppf(q)))
    found = [quantile_interval([one], q) for one in AUTOCORRELATED.draw(np.random.default_rng(7), 800, 1500)]
    assert LEAST - 0.025 < np.mean([e.low is not None and e.low <= truth <= e.high for e in found]) < MOST + 0.015


def test_the_interval_of_a_tail_quantile_over_rounds_knows_that_they_differ() -> None:
    random = np.random.default_rng(9)
    # Processes whose speeds spread: the distribution over all of them is the wider one.
    truth = float(np.exp(np.hypot(0.03, 0.02) * norm.ppf(0.9)))
    speeds = np.exp(0.02 * random.standard_normal((600, 9, 1)))
    found = [quantile_interval(list(INDEPENDENT.draw(random, 9, 300) * speed), 0.9) for speed in speeds]
    assert np.mean([e.n_effective for e in found]) < 300
    given = [e for e in found if e.low is not None]
    assert len(given) > 0.75 * len(found)
    assert np.mean([e.low <= truth <= e.high for e in given]) > LEAST - 0.03


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="no rounds"):
        median_interval([])
    with pytest.raises(ValueError, match="confidence"):
        median_interval([np.ones(10)], 95)
    with pytest.raises(ValueError, match="quantile"):
        quantile_interval([np.ones(10)], 90)
