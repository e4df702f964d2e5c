"""Images made ready by several threads: in order, only a few ahead of what is taken, and not on the measured cores."""

from __future__ import annotations

import os
import threading
import time
from itertools import islice

import pytest

from latency_bench.devices.device import Device
from latency_bench.harness.accuracy.made_ready import _in_order, preparing_cpus

CPUS = frozenset(os.sched_getaffinity(0))


def test_results_come_in_order_and_few_are_begun_ahead() -> None:
    begun: list[int] = []

    def made(number: int) -> int:
        begun.append(number)
        time.sleep(0.01 * (number % 3 == 0))
        return number

    results = _in_order(made, range(200), CPUS)
    for taken, number in enumerate(results):
        assert number == taken
        assert len(begun) <= taken + 2 * len(CPUS) + 2, "memory is bounded however slow the device is"
    assert sorted(begun) == list(range(200))


def test_what_fails_comes_out_and_the_rest_is_not_begun() -> None:
    begun: list[int] = []

    def made(number: int) -> int:
        begun.append(number)
        if number == 7:
            raise ValueError("seven")
        return number

    taken: list[int] = []
    with pytest.raises(ValueError, match="seven"):
        taken.extend(_in_order(made, range(10_000), CPUS))
    stopped = _in_order(made, range(10_000), CPUS)
    assert list(islice(stopped, 3)) == [0, 1, 2]
    stopped.close()
    assert len(begun) < 1000
    assert not [one for one in threading.enumerate() if one.name.startswith("images")]


def test_threads_keep_off_the_measured_cores_of_this_computer() -> None:
    here, there = Device(name="here"), Device(name="there", transport="adb", runner="benchmark_model")
    last = max(CPUS)
    assert preparing_cpus(here, (last,)) == (CPUS - {last} or CPUS)
    assert preparing_cpus(here, CPUS) == CPUS, "they have to run somewhere"
    assert preparing_cpus(there, (last,)) == CPUS, "the cores of a phone are others"
    for chosen in ({last}, {min(CPUS)}):
        ran_on = set(_in_order(lambda _: frozenset(os.sched_getaffinity(0)), range(5), frozenset(chosen)))
        assert ran_on == {frozenset(chosen)}
    assert frozenset(os.sched_getaffinity(0)) == CPUS, "of those threads alone"
