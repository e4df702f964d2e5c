"""The clock of a run on unlike cores: whichever core loses speed is seen."""

from __future__ import annotations

import pytest

from latency_bench.devices.probes.observed import ObservedRound, ObservedRun
from latency_bench.devices.probes.readings import FREQUENCY, Reading
from latency_bench.harness.statistics.throttling import detect_throttling

SECOND = 1_000_000_000


def observed(*moments: dict[int, float], cpus: tuple[int, ...]) -> ObservedRun:
    """A run pinned to `cpus`; one dictionary a second, MHz by core."""
    readings: list[Reading] = [
        FREQUENCY.of(f"cpu{cpu}", mhz).at(second * SECOND)
        for second, clocks in enumerate(moments)
        for cpu, mhz in clocks.items()
    ]
    return ObservedRun([ObservedRound({"cpus": list(cpus)}, {}, {}, readings)])


@pytest.mark.parametrize("core", [0, 4, 7])
def test_a_core_of_any_cluster_that_slows_down_is_seen(core: int) -> None:
    """21 % off the prime core leaves it faster than the others ever are."""
    full = {0: 1800.0, 4: 2500.0, 7: 3200.0}
    slow = {**full, core: full[core] * 0.79}
    run = observed(*[full] * 60, *[slow] * 60, cpus=(0, 4, 7))
    assert detect_throttling(run.clock()).verdict == "yes"


def test_unlike_cores_at_their_own_best_are_not_throttled() -> None:
    run = observed(*[{0: 1800.0, 4: 2500.0, 7: 3200.0}] * 120, cpus=(0, 4, 7))
    assert run.clock() == [3200.0] * 120
    assert detect_throttling(run.clock()).verdict == "no"


def test_cores_that_nothing_ran_on_do_not_count() -> None:
    moments = [{0: 1800.0 if second % 2 else 300.0, 7: 3200.0} for second in range(120)]
    assert detect_throttling(observed(*moments, cpus=(7,)).clock()).verdict == "no"


def test_a_core_that_was_off_and_one_that_reads_zero() -> None:
    run = observed({0: 0.0, 7: 3200.0}, {7: 3200.0}, cpus=(0, 7))
    assert run.clock() == [3200.0, 3200.0]
    assert observed(cpus=(0,)).clock() == []
