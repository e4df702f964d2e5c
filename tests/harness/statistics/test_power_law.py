"""Exponents and crossings: exact where there is no noise, honest intervals where there is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latency_bench.harness.statistics.power_law import crossover, exponent

SIZES = (256, 1024, 4096)


@settings(deadline=None)  # the first call imports scipy
@given(st.floats(-1, 3), st.floats(1e-3, 1e3))
def test_an_exact_power_law_is_found(power: float, factor: float) -> None:
    found = exponent({size: [factor * size**power] * 3 for size in SIZES})
    assert found.value == pytest.approx(power, abs=1e-9)
    assert found.last == pytest.approx(power, abs=1e-9)
    assert found.worst_residual == pytest.approx(1, abs=1e-9)
    assert found.low is not None
    assert found.high is not None
    assert found.low - 1e-9 <= power <= found.high + 1e-9


def test_what_is_no_power_law_shows_in_its_residual_and_its_last_exponent() -> None:
    found = exponent({size: [1 + (size / 1024) ** 2] * 2 for size in SIZES})
    assert found.worst_residual > 1.2
    assert found.last > found.value + 0.2


def test_one_round_gives_no_interval() -> None:
    found = exponent({256: [1.0], 1024: [4.0, 4.1]})
    assert (found.low, found.high) == (None, None)
    assert crossover({256: [1.0], 1024: [1.0]}, {256: [0.5], 1024: [2.0]}).low is None


@pytest.mark.parametrize("curve", [{256: [1.0]}, {256: [1.0], 512: []}, {256: [1.0], 512: [0.0]}])
def test_what_cannot_be_fitted_is_refused(curve: dict[int, list[float]]) -> None:
    with pytest.raises(ValueError, match=r"two sizes|positive"):
        exponent(curve)


def noisy(power: float, factor: float, random: np.random.Generator, rounds: int = 5) -> dict[int, list[float]]:
    return {size: list(factor * size**power * np.exp(random.normal(0, 0.05, rounds))) for size in SIZES}


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    trials, held_exponent, held_crossing = 100, 0, 0
    for _ in range(trials):
        linear, quadratic = noisy(1, 1.0, random), noisy(2, 1 / 700, random)
        slope, crossing = exponent(quadratic), crossover(linear, quadratic)
        assert slope.low is not None
        assert slope.high is not None
        assert crossing.low is not None
        assert crossing.high is not None
        held_exponent += slope.low <= 2 <= slope.high
        held_crossing += crossing.low <= 700 <= crossing.high
    # 95 % of 100, three standard deviations below; the crossing's interval may be wider than it says, not narrower.
    assert held_exponent / trials > 0.88
    assert held_crossing / trials > 0.88


def test_a_crossing_lies_between_the_sizes_where_the_order_changes() -> None:
    found = crossover({size: [float(size)] * 3 for size in SIZES}, {size: [size**2 / 500] * 3 for size in SIZES})
    assert found.size == pytest.approx(500)
    assert found.low == found.high == pytest.approx(500)


def test_nothing_is_extrapolated() -> None:
    fast, slow = {size: [1.0, 1.0] for size in SIZES}, {size: [2.0, 2.0] for size in SIZES}
    assert crossover(fast, slow).size == 0
    assert math.isinf(crossover(slow, fast).size)
    assert (crossover(fast, slow).low, crossover(fast, slow).high) == (0, 0)


def test_the_last_crossing_counts_where_there_are_several() -> None:
    first = {1: [1.0] * 2, 10: [3.0] * 2, 100: [1.0] * 2}
    found = crossover(first, {size: [2.0] * 2 for size in first})
    assert 10 < found.size < 100


def test_the_same_rounds_give_the_same_interval() -> None:
    random = np.random.default_rng(1)
    curves = noisy(1, 1.0, random), noisy(2, 1 / 700, random)
    assert crossover(*curves) == crossover(*curves)
    assert crossover(*curves, seed=1) != crossover(*curves)
