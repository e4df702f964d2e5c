"""The share of a measurement that readings cover, against a count of grid points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.statistics.coverage import REACH_S, covered_s


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ([], 0.0),
        ([5.0], 2 * REACH_S),
        ([0.0], REACH_S),
        ([-10.0, 100.0], 0.0),
        (range(11), 10.0),
        ([0, 5, 10], 10.0),
        ([0, 10], 2 * REACH_S),
        ([0, 0, 0], REACH_S),
    ],
)
def test_seconds_near_a_reading(times, seconds):
    assert covered_s(list(times), 0.0, 10.0) == pytest.approx(seconds)


def test_no_time_is_not_covered():
    assert covered_s([1.0], 5.0, 5.0) == 0.0


@given(
    times=st.lists(st.floats(-20, 40), max_size=30),
    begin=st.floats(-5, 5),
    length=st.floats(0.1, 30),
)
def test_it_is_the_length_of_the_union(times, begin, length):
    grid = np.linspace(begin, begin + length, 4001)
    near = np.zeros(grid.size, dtype=bool)
    for time in times:
        near |= np.abs(grid - time) <= REACH_S
    assert covered_s(times, begin, begin + length) == pytest.approx(near.mean() * length, abs=length * 0.01 + 0.01)
