"""Ranks claim what was shown and no more."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.statistics.ranking import rank_ranges, shown_best, ties

values = st.lists(st.floats(1, 10), min_size=1, max_size=7)


def beyond(numbers: list[float], by: float):
    """Shown to be better: lower by more than `by`."""
    return sorted(
        range(len(numbers)), key=lambda one: numbers[one]
    ), lambda one, other: numbers[one] + by < numbers[other]


@given(values, st.floats(0, 3))
def test_ranks_hold_every_order_that_nothing_shown_contradicts(numbers: list[float], by: float) -> None:
    order, better = beyond(numbers, by)
    for one, (first, last) in rank_ranges(order, better).items():
        assert 1 <= first <= order.index(one) + 1 <= last <= len(numbers)
    assert by > 0 or shown_best(order, better) in (order[0], None)


@given(values, st.floats(0, 3))
def test_ties_are_all_groups_of_neighbours_without_a_difference(numbers: list[float], by: float) -> None:
    order, better = beyond(numbers, by)
    alike = [
        order[start:end]
        for start, end in combinations(range(len(order) + 1), 2)
        if end - start > 1 and not any(better(one, other) for one in order[start:end] for other in order[start:end])
    ]
    largest = [one for one in alike if not any(set(one) < set(other) for other in alike)]
    assert ties(order, better) == largest


def test_the_best_has_to_be_shown_against_every_other_one() -> None:
    assert shown_best(*beyond([1.0, 1.5, 3.0], 0.4)) == 0
    assert shown_best(*beyond([1.0, 1.3, 3.0], 0.4)) is None
    assert shown_best(*beyond([1.0], 0.4)) is None


def test_of_equals_hardly_any_is_called_the_best() -> None:
    """Of networks that are equally fast, one is bold in no more than 5 % of tables, however many there are."""
    from latency_bench.harness.statistics.comparison import compare

    random = np.random.default_rng(0)
    for count in (2, 4, 8):
        wrong = 0
        for _ in range(200):
            rounds = [[np.array([math.exp(one)]) for one in random.normal(0, 0.02, 5)] for _ in range(count)]
            order = sorted(range(count), key=lambda one: float(np.median(np.concatenate(rounds[one]))))

            def better(one: int, other: int, rounds: list = rounds) -> bool:
                return compare(rounds[one], rounds[other]).direction == "slower"

            wrong += shown_best(order, better) is not None
        # 200 tables with a chance of 5 % each exceed 22 in less than one of a thousand series.
        assert wrong <= 22
