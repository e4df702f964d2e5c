"""Sustained use: a start, a slow-down at a known time, a level at the end."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.harness.statistics.sustained import clock_fell_after, sustained_use

LENGTH_S = 600.0


def run(levels: list[tuple[float, float]], noise: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Requests one after the other; `levels` are (from second, latency in ms)."""
    draw = np.random.default_rng(0)
    starts, values, now_s = [], [], 0.0
    while now_s < LENGTH_S:
        level = next(ms for since_s, ms in reversed(levels) if now_s >= since_s)
        value = level * (1 + noise * draw.standard_normal())
        starts.append(now_s)
        values.append(value)
        now_s += max(value, 1.0) / 1e3 + 0.2
    return np.array(starts), np.array(values)


def test_a_device_that_keeps_its_speed() -> None:
    use = sustained_use(*run([(0, 20)]))
    assert use is not None
    assert (use.is_steady, use.slower_after_s) == (True, None)
    assert use.end == pytest.approx(use.start, rel=0.01)


@pytest.mark.parametrize("at_s", [45, 130, 400])
def test_a_slow_down_is_found_where_it_is(at_s: float) -> None:
    use = sustained_use(*run([(0, 20), (at_s, 26)]))
    assert use is not None
    assert use.slower_after_s == pytest.approx(at_s, abs=11)
    assert use.end / use.start == pytest.approx(1.3, rel=0.02)
    assert use.is_steady


def test_a_level_that_is_still_moving_is_not_called_steady() -> None:
    use = sustained_use(*run([(second, 20 + second / 20) for second in range(0, 600, 5)]))
    assert use is not None
    assert not use.is_steady


def test_single_slow_requests_are_no_slow_down() -> None:
    starts, values = run([(0, 20)])
    values[50] = values[700] = 400
    use = sustained_use(starts, values)
    assert use is not None
    assert use.slower_after_s is None


def test_too_few_requests_say_nothing() -> None:
    assert sustained_use(np.arange(9.0), np.full(9, 20.0)) is None
    assert sustained_use(np.array([]), np.array([])) is None


def test_a_tool_of_few_samples_is_enough() -> None:
    """Each is the median of many inferences."""
    use = sustained_use(np.arange(0.0, 600.0, 30.0), np.where(np.arange(20) < 7, 400.0, 520.0))
    assert use is not None
    assert (use.start, use.end, use.is_steady) == (400.0, 520.0, True)
    assert use.slower_after_s == pytest.approx(210, abs=40)


def test_when_the_clock_fell() -> None:
    time_s = np.arange(600.0)
    clock = np.where(time_s < 90, 3187.0, 2515.0)
    assert clock_fell_after(time_s, clock) == 90
    dips = clock.copy()
    dips[20] = 300
    assert clock_fell_after(time_s, dips) == 90
    assert clock_fell_after(time_s, np.full(600, 3187.0)) is None
    assert clock_fell_after(time_s[:10], clock[:10]) is None


def test_a_clock_that_rises_first_has_not_fallen() -> None:
    clock = np.concatenate([np.full(10, 800.0), np.full(90, 3187.0)])
    assert clock_fell_after(np.arange(100.0), clock) is None
