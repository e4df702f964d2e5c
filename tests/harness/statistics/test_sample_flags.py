import numpy as np
import pytest
from latency_models import AUTOCORRELATED, COARSELY_QUANTISED, QUANTISED, LatencyModel, normal_ar1, processes

from latency_bench.harness.statistics.flags import Flag, FlagKind, OptionsInUse
from latency_bench.harness.statistics.sample_flags import sample_flags

ROUNDS = 9


def _calm(seed: int = 0, rounds: int = ROUNDS, n: int = 200, spread: float = 0.005) -> list[np.ndarray]:
    return list(10 * np.exp(spread * normal_ar1(np.random.default_rng(seed), rounds, n, 0.3)))


def _raised(rounds: list[np.ndarray], options: OptionsInUse | None = None) -> dict[FlagKind, Flag]:
    return {flag.kind: flag for flag in sample_flags(rounds, options)}


def test_a_calm_run_raises_nothing() -> None:
    for seed in range(40):
        assert _raised(_calm(seed)) == {}


def test_spread_is_flagged_with_the_figure_and_the_round() -> None:
    rounds = _calm()
    rounds[3] = _calm(1, 1, spread=0.04)[0]
    flag = _raised(rounds)[FlagKind.HIGH_SPREAD]
    cv = rounds[3].std(ddof=1) / rounds[3].mean()
    assert f"CV {cv:.1%} in round 4 of 9" in flag.text
    assert FlagKind.WIDE_QUARTILES not in _raised(rounds)
    assert FlagKind.WIDE_QUARTILES in _raised(_calm(2, spread=0.1))


def test_outliers_are_counted_and_not_removed() -> None:
    rounds = _calm()
    rounds[0][[50, 60]] = (12.0, 30.0)
    before = [samples.copy() for samples in rounds]
    flag = _raised(rounds)[FlagKind.OUTLIERS]
    assert flag.text.startswith("2 of 1800 samples")
    assert "3x the median" in flag.text
    assert all((a == b).all() for a, b in zip(before, rounds, strict=True))


def test_a_quantised_clock_does_not_turn_its_own_ticks_into_outliers() -> None:
    random = np.random.default_rng(1)
    samples = np.where(random.random(1000) < 0.8, 10.0, np.where(random.random(1000) < 0.5, 9.0, 11.0))
    assert FlagKind.OUTLIERS not in _raised([samples])
    samples[500] = 26.0
    assert "1 of 1000" in _raised([samples])[FlagKind.OUTLIERS].text


def test_a_slow_first_sample_is_told_from_a_slow_sample() -> None:
    rounds = _calm()
    rounds[2][0] = 20.0
    assert "2x the median in 1 of 9 rounds" in _raised(rounds)[FlagKind.SLOW_FIRST_SAMPLE].text
    later = _calm()
    later[2][7] = 20.0
    assert FlagKind.SLOW_FIRST_SAMPLE not in _raised(later)


@pytest.mark.parametrize("n", [60, 300, 3000])
def test_drift_within_a_round_is_found_in_either_direction(n: int) -> None:
    for change in (-0.06, 0.06):
        samples = _calm(n, 1, n, spread=0.003)[0] * np.linspace(1, 1 + change, n)
        text = _raised([samples])[FlagKind.DRIFT].text
        assert text.startswith("-" if change < 0 else "+")
    assert FlagKind.DRIFT not in _raised([_calm(n, 1, n)[0] * np.linspace(1, 1.01, n)])


def test_a_median_that_jumps_by_one_tick_of_a_coarse_clock_is_no_drift() -> None:
    random = np.random.default_rng(2)
    upper_share = np.repeat([0.44, 0.5, 0.56], 1000)
    readings = np.where(random.random(3000) < upper_share, 1.03, 1.0)
    assert np.median(readings[-1000:]) > 1.02 * np.median(readings[:1000])
    assert FlagKind.DRIFT not in _raised([readings])


@pytest.mark.parametrize("model", [AUTOCORRELATED, QUANTISED, COARSELY_QUANTISED], ids=lambda model: model.name)
def test_noise_alone_is_rarely_taken_for_drift_and_never_for_disagreement(model: LatencyModel) -> None:
    random = np.random.default_rng(3)
    raised = [_raised(processes(random, ROUNDS, 100, between=0.001, model=model)) for _ in range(50)]
    assert sum(FlagKind.DRIFT in flags for flags in raised) <= 3
    assert not any(FlagKind.PROCESSES_DISAGREE in flags for flags in raised)


def test_bimodal_rounds_are_flagged_with_both_modes() -> None:
    random = np.random.default_rng(4)
    samples = np.where(random.random(500) < 0.4, 12.0, 10.0) + 0.05 * random.standard_normal(500)
    assert "1.2x the faster" in _raised([samples])[FlagKind.BIMODAL].text


def test_processes_that_disagree_are_seen_although_each_of_them_is_calm() -> None:
    """Every CV is far below its limit: no number inside one process could have told."""
    rounds = [samples * level for samples, level in zip(_calm(spread=0.002), np.linspace(0.95, 1.05, 9), strict=True)]
    raised = _raised(rounds)
    assert set(raised) == {FlagKind.PROCESSES_DISAGREE}
    assert "10.5% between the fastest and the slowest" in raised[FlagKind.PROCESSES_DISAGREE].text


def test_few_rounds_are_flagged_until_a_comparison_is_possible() -> None:
    assert "1 round:" in _raised(_calm(rounds=1))[FlagKind.FEW_ROUNDS].text
    assert "needs 7 against 7" in _raised(_calm(rounds=6))[FlagKind.FEW_ROUNDS].text
    assert FlagKind.FEW_ROUNDS not in _raised(_calm(rounds=7))


def test_a_remedy_already_in_use_is_not_advised_and_an_answered_flag_is_not_repeated() -> None:
    rounds = _calm(spread=0.04)
    plain = _raised(rounds)[FlagKind.HIGH_SPREAD].remedy
    assert "lock the clocks" in plain
    assert "pin" in plain
    done = OptionsInUse(rounds=9, clocks_locked=True, cpus_pinned=True)
    in_use = _raised(rounds, done)[FlagKind.HIGH_SPREAD].remedy
    assert "lock" not in in_use
    assert "pin" not in in_use
    assert "--rounds 9" not in _raised(_calm(rounds=1), OptionsInUse(rounds=9))[FlagKind.FEW_ROUNDS].remedy


@pytest.mark.parametrize("samples", [[1.0], [1.0, 1.0], [0.0] * 30, [5.0] * 50, [1.0, 2.0, 3.0]])
def test_degenerate_rounds_do_not_fail(samples: list[float]) -> None:
    assert FlagKind.FEW_ROUNDS in _raised([np.array(samples)])


@pytest.mark.parametrize("rho", [0.0, 0.9, 0.97])
@pytest.mark.parametrize("n", [20, 60, 200])
def test_drift_inside_the_processes_is_no_difference_between_them(rho: float, n: int) -> None:
    random = np.random.default_rng(11)
    raised = sum(
        FlagKind.PROCESSES_DISAGREE in _raised(list(np.exp(0.02 * normal_ar1(random, 5, n, rho)))) for _ in range(60)
    )
    assert raised <= 2


def test_processes_that_do_differ_are_found() -> None:
    random = np.random.default_rng(12)
    levels = np.array([[0.0], [0.03], [-0.02], [0.05], [0.0]])
    for _ in range(20):
        rounds = list(np.exp(levels + 0.02 * normal_ar1(random, 5, 200, 0.3)))
        assert FlagKind.PROCESSES_DISAGREE in _raised(rounds)
