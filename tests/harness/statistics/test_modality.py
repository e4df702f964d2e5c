import numpy as np
import pytest
from latency_models import (
    AUTOCORRELATED,
    BIMODAL,
    COARSELY_QUANTISED,
    HEAVY_TAILED,
    INDEPENDENT,
    QUANTISED,
    STRONGLY_AUTOCORRELATED,
    LatencyModel,
)
from scipy.optimize import linprog

from latency_bench.harness.statistics.modality import DIP_CRITICAL, dip, find_two_modes


def _dip_by_linear_programme(values: np.ndarray) -> float:
    """The definition itself: the least distance to a distribution convex up to some mode and concave after it.

    Unknowns are the heights at the samples, two of them at the mode (where it may jump), and the distance.
    """
    n = values.size
    best = 1.0
    for mode in range(n):
        left, right = list(range(mode + 1)), list(range(mode + 1, n + 1))
        constraints: list[tuple[dict[int, float], float]] = []
        for i in range(n):
            foot, head = (i, i) if i < mode else (mode, mode + 1) if i == mode else (i + 1, i + 1)
            for unknown, height in ((foot, i / n), (head, (i + 1) / n)):
                constraints.append(({unknown: 1, n + 1: -1}, height))
                constraints.append(({unknown: -1, n + 1: -1}, -height))
        for heights, places, sign in ((left, values[: mode + 1], 1), (right, values[mode:], -1)):
            for j in range(len(heights) - 2):
                a, b = 1 / (places[j + 1] - places[j]), 1 / (places[j + 2] - places[j + 1])
                constraints.append(
                    ({heights[j]: -sign * a, heights[j + 1]: sign * (a + b), heights[j + 2]: -sign * b}, 0)
                )
            for j in range(len(heights) - 1):
                constraints.append(({heights[j]: 1, heights[j + 1]: -1}, 0))
        constraints.append(({mode: 1, mode + 1: -1}, 0))
        rows = [[coefficients.get(k, 0.0) for k in range(n + 2)] for coefficients, _ in constraints]
        bounds = [bound for _, bound in constraints]
        solved = linprog([0] * (n + 1) + [1], A_ub=rows, b_ub=bounds, bounds=[(None, None)] * (n + 1) + [(0, None)])
        best = min(best, solved.fun)
    return best


@pytest.mark.parametrize("n", [5, 8, 13])
def test_the_dip_is_the_least_distance_to_a_unimodal_distribution(n: int) -> None:
    random = np.random.default_rng(n)
    for values in (random.random(n), np.r_[random.normal(0, 1, n // 2), random.normal(8, 1, n - n // 2)]):
        assert dip(np.sort(values)) == pytest.approx(_dip_by_linear_programme(np.sort(values)), abs=1e-9)


def test_uniform_samples_exceed_the_critical_value_about_once_in_a_thousand() -> None:
    random = np.random.default_rng(1)
    exceeded = sum(np.sqrt(300) * dip(np.sort(random.random(300))) > DIP_CRITICAL for _ in range(2000))
    assert exceeded <= 8


@pytest.mark.parametrize(
    "model",
    [INDEPENDENT, AUTOCORRELATED, STRONGLY_AUTOCORRELATED, HEAVY_TAILED, QUANTISED, COARSELY_QUANTISED],
    ids=lambda model: model.name,
)
def test_no_false_alarm_on_one_mode(model: LatencyModel) -> None:
    random = np.random.default_rng(2)
    assert not any(find_two_modes(series) for n in (30, 300) for series in model.draw(random, 300, n))


def test_no_false_alarm_on_strong_skew() -> None:
    random = np.random.default_rng(3)
    assert not any(find_two_modes(np.exp(0.5 * random.standard_normal(500))) for _ in range(200))
    assert not any(find_two_modes(1 + random.exponential(1, 500)) for _ in range(200))


def test_two_modes_are_found_where_they_are() -> None:
    for series in BIMODAL.draw(np.random.default_rng(4), 50, 300):
        found = find_two_modes(series)
        assert found is not None
        assert found.lower == pytest.approx(1.0, rel=0.01)
        assert found.upper == pytest.approx(1.15, rel=0.01)
        assert found.upper_share == pytest.approx(0.3, abs=0.1)


def test_modes_that_alternate_in_long_runs_are_found_too() -> None:
    runs = np.repeat([1.0, 1.2, 1.0, 1.2], 100) + 0.01 * np.random.default_rng(5).standard_normal(400)
    assert find_two_modes(runs) is not None


def test_modes_too_close_or_too_small_to_matter_are_let_be() -> None:
    random = np.random.default_rng(6)
    close = np.where(random.random(3000) < 0.5, 1.0, 1.02) + 0.001 * random.standard_normal(3000)
    assert dip(np.sort(close)) > 0.1
    assert find_two_modes(close) is None
    rare = np.where(random.random(3000) < 0.02, 1.5, 1.0) + 0.001 * random.standard_normal(3000)
    assert find_two_modes(rare) is None


@pytest.mark.parametrize("samples", [[1.0], [2.0] * 50, [1.0, 2.0], [0.0] * 20 + [1.0]])
def test_degenerate_samples_have_no_two_modes(samples: list[float]) -> None:
    assert find_two_modes(np.array(samples)) is None
