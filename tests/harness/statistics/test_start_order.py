"""The order of starting neither moves a paired ratio nor spreads it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from latency_bench.harness.statistics.signed_rank import hodges_lehmann
from latency_bench.harness.statistics.start_order import start_order_effect, without_start_order

COUNT = 14
LATER = [index % 2 == 0 for index in range(COUNT)]
SPREAD = 0.002 * np.random.default_rng(1).standard_normal(COUNT)


def _started(effect: float, later: list[bool] = LATER) -> np.ndarray:
    return 0.05 + SPREAD[: len(later)] + np.where(later, -effect, effect)


def test_either_order_has_the_same_centre_and_both_count_the_same() -> None:
    found = np.array(without_start_order(_started(0.03).tolist(), LATER))
    later = np.array(LATER)
    assert hodges_lehmann(found[later]) == pytest.approx(hodges_lehmann(found[~later]), abs=1e-12)
    assert found == pytest.approx(np.array(without_start_order(_started(0.0).tolist(), LATER)), abs=1e-12)
    assert hodges_lehmann(found) == pytest.approx(0.05, abs=0.002)
    uneven = [True] * 9 + [False] * 3
    centre = hodges_lehmann(np.array(without_start_order(_started(0.03, uneven).tolist(), uneven)))
    assert centre == pytest.approx(0.05, abs=0.002), "three pairs of an order count as much as nine of the other"


def test_without_an_effect_the_spread_stays_what_it_was() -> None:
    random, raw, found = np.random.default_rng(2), [], []
    for _ in range(400):
        values = random.standard_normal(12)
        raw.append(np.median(values))
        found.append(np.median(without_start_order(values.tolist(), LATER[:12])))
    assert np.std(found) == pytest.approx(np.std(raw), rel=0.15)


@pytest.mark.parametrize(
    "later", [[], LATER[:9], [True] * 12 + [False] * 2], ids=["no order", "nine pairs", "two of an order"]
)
def test_too_few_are_left_as_they_are(later: list[bool]) -> None:
    values = _started(0.03).tolist()[: len(later) or COUNT]
    assert without_start_order(values, later) == tuple(values)
    assert start_order_effect(values, later) is None


def test_the_effect_is_what_starting_first_costs() -> None:
    effect = start_order_effect(_started(0.03).tolist(), LATER)
    assert effect is not None
    assert effect == pytest.approx(math.exp(0.03), abs=0.002)


def test_another_number_of_orders_is_refused() -> None:
    with pytest.raises(ValueError, match="14 log ratios and 12 orders"):
        without_start_order(_started(0.0).tolist(), LATER[:12])
