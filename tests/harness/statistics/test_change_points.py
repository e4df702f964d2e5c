"""Changes of level in series of runs: found where they are, and not where there are none. Full size:
benchmarks/history_changes.py."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.harness.statistics.change_points import LEAST_RUNS, level_changes, p_change

SERIES = 40


def _series(seed: int, count: int, noise: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, noise, count)


@pytest.mark.parametrize(("count", "noise"), [(30, 0.024), (100, 0.05)])
def test_a_series_without_a_change_has_none(count: int, noise: float) -> None:
    alarms = sum(bool(level_changes(_series(seed, count, noise)).changes) for seed in range(SERIES))
    assert alarms <= 3, "1 % each; four of 40 would come once in 1,000 times"


def test_a_step_is_found_where_it_is_and_the_other_way_round() -> None:
    alone, inside, covered = 0, 0, 0
    for seed in range(SERIES):
        for sign in (1, -1):
            logs = _series(seed, 60, 0.024)
            logs[35:] += sign * np.log(1.05)
            changes = level_changes(logs).changes
            alone += len(changes) == 1
            if not changes:
                continue
            change = min(changes, key=lambda one: abs(one.place - 35))
            inside += change.earliest <= 35 <= change.latest
            covered += change.low <= 1.05**sign <= change.high
    assert alone >= 0.85 * 2 * SERIES
    assert inside >= 0.85 * 2 * SERIES
    assert covered >= 0.85 * 2 * SERIES


def test_two_steps_are_two_changes() -> None:
    logs = _series(1, 90, 0.01)
    logs[30:60] += np.log(1.1)
    changes = level_changes(logs).changes
    assert [change.place for change in changes] == [30, 60]
    assert changes[0].ratio > 1 > changes[1].ratio


def test_a_drift_is_no_step() -> None:
    logs = _series(2, 100, 0.02) + np.linspace(0, 0.2, 100)
    found = level_changes(logs)
    assert found.changes == ()
    assert found.drift is not None
    assert found.drift.low < np.exp(0.2) < found.drift.high


def test_one_slow_run_is_no_change_and_few_runs_tell_nothing() -> None:
    logs = _series(3, 40, 0.01)
    logs[20] += 1.0
    assert level_changes(logs).changes == ()
    few = level_changes([0.0] * 5 + [1.0] * (LEAST_RUNS - 6))
    assert (few.changes, few.smallest) == ((), None)


def test_runs_that_are_all_the_same_have_no_change_and_a_step_among_them_one() -> None:
    assert level_changes([1.0] * 20).changes == ()
    (change,) = level_changes([1.0] * 10 + [1.1] * 10).changes
    assert (change.place, change.earliest, change.latest) == (10, 10, 10)


def test_the_test_of_a_split_is_as_rare_as_it_says() -> None:
    p_values = [p_change(_series(seed, 20, 1.0)) for seed in range(300)]
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.09
