"""Who is on the front, who is not, and of whom nobody knows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.statistics.pareto import standings

points = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=8)


@given(points)
def test_with_exact_speeds_it_is_the_usual_front(pairs: list[tuple[int, int]]) -> None:
    times, accuracies = zip(*pairs, strict=True)
    found = standings(accuracies, lambda one, other: times[one] < times[other])
    for (time, accuracy), standing in zip(pairs, found, strict=True):
        dominated = any(other[0] < time and other[1] >= accuracy for other in pairs)
        assert (standing == "off") == dominated


@given(points, st.integers(0, 5))
def test_a_point_is_off_only_if_another_is_shown_to_dominate_it(pairs: list[tuple[int, int]], by: int) -> None:
    times, accuracies = zip(*pairs, strict=True)
    found = standings(accuracies, lambda one, other: times[one] + by < times[other])
    exact = standings(accuracies, lambda one, other: times[one] < times[other])
    assert all(before == "off" for before, now in zip(exact, found, strict=True) if now == "off")
    assert "off" not in [standing for standing, accuracy in zip(found, accuracies, strict=True)
                         if [*accuracies].count(accuracy) == 1 and accuracy == max(accuracies)]  # fmt: skip


def test_what_was_not_shown_is_open() -> None:
    times = [10.0, 10.1, 30.0]
    assert standings([70.0, 71.0, 80.0], lambda one, other: times[one] * 1.05 < times[other]) == ["open", "on", "on"]
