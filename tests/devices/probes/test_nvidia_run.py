"""What the probe of NVIDIA GPUs says of a finished run: throttled, clocks locked, shared with others."""

from __future__ import annotations

import pytest

from latency_bench.devices.probes.jetson import JetsonProbe
from latency_bench.devices.probes.nvidia import NvidiaProbe
from latency_bench.devices.probes.nvidia_run import REASONS, SLOWING
from latency_bench.devices.probes.observed import ObservedRound, ObservedRun
from latency_bench.devices.probes.readings import FREQUENCY, LOAD, PROCESS_MEMORY, THROTTLE_REASONS


def readings(clocks, loads=None, reasons=None, pids=()):
    found = []
    for moment, clock in enumerate(clocks):
        values = [FREQUENCY.of("gpu0", clock), LOAD.of("gpu0", 100.0 if loads is None else loads[moment])]
        values += [] if reasons is None else [THROTTLE_REASONS.of("gpu0", reasons[moment])]
        values += [FREQUENCY.of("gpu1", 100.0 * moment), *(PROCESS_MEMORY.of(f"gpu0 pid {pid}", 0) for pid in pids)]
        found += [reading.at(moment) for reading in values]
    return found


def run_of(*rounds, facts=None, tuned=None, **loaded):
    """One round a list of readings."""
    observed = [ObservedRound({"pid": pid}, {"gpu": {}, **loaded}, {}, found) for pid, found in rounds]
    return ObservedRun(observed, facts, tuned or {})


def one_round(*arguments, **changes):
    return run_of((1, readings(*arguments, **changes)))


@pytest.mark.parametrize(
    ("loaded", "gpu"),
    [
        ({}, None),
        ({"gpu": {}}, "gpu0"),
        ({"gpu": {}, "options": {"device": 2}}, "gpu2"),
        ({"gpu": {}, "options": {"device": "x"}}, "gpu0"),
        ({"gpu": {}, "options": None}, "gpu0"),
    ],
)
def test_which_gpu_was_measured(loaded, gpu):
    assert ObservedRun([ObservedRound({}, loaded, {}, [])]).gpu == gpu


def test_the_clock_is_that_of_the_measured_gpu_under_load():
    idle = one_round([1410.0] * 3 + [210.0] * 2, loads=[100.0] * 3 + [0.0] * 2)
    assert idle.clock() == [1410.0] * 3
    assert not idle.clock_moved()
    assert one_round([1410.0, 1395.0, 1200.0]).clock_moved()


def test_only_reasons_that_take_speed_away_are_told():
    assert set(REASONS.values()) > SLOWING
    evidence = NvidiaProbe.throttling(one_round([1410.0] * 3, reasons=[0x4, 0x1, 0x5], loads=[90.0] * 3))
    assert [set(active) for active in evidence.reasons] == [{"sw_power_cap"}, set(), {"sw_power_cap"}]
    assert NvidiaProbe.throttling(one_round([1410.0] * 3)).reasons is None, "they were not read"
    on_a_processor = ObservedRun([ObservedRound({}, {}, {}, readings([1410.0], reasons=[4]))])
    assert NvidiaProbe.throttling(on_a_processor).reasons is None


def test_the_slowdown_temperature_is_that_of_the_measured_gpu():
    facts = {"gpus": [{"slowdown_temperature_c": 90}, {"slowdown_temperature_c": 80}]}
    assert NvidiaProbe.throttling(run_of((1, []), facts=facts, options={"device": 1})).limit_c == 80
    for odd in (None, [], {"gpus": None}, {"gpus": [3]}):
        assert NvidiaProbe.throttling(run_of((1, []), facts=odd)).limit_c is None


def test_whether_the_clocks_are_locked():
    steady, moving = [1410.0] * 5, [1410.0, 1395.0, 1200.0]
    tuned = {"gpu_clocks": {}}
    assert NvidiaProbe.clocks_locked(one_round(steady)) == "unknown"
    assert NvidiaProbe.clocks_locked(one_round(moving)) == "no"
    assert NvidiaProbe.clocks_locked(run_of((1, readings(steady)), tuned=tuned)) == "yes"
    assert NvidiaProbe.clocks_locked(run_of((1, readings(moving)), tuned=tuned)) == "no"


@pytest.mark.parametrize(
    ("told", "clocks", "answer"),
    [
        ("yes", [1410.0] * 5, "yes"),
        ("yes", [1410.0, 1200.0], "no"),
        ("no", [1410.0] * 5, "no"),
        (None, [1410.0] * 5, "unknown"),
    ],
)
def test_a_jetson_tells_its_limits_and_its_clock_may_contradict_them(told, clocks, answer):
    assert JetsonProbe.clocks_locked(run_of((1, readings(clocks)), facts={"clocks_locked": told})) == answer


def test_processes_of_others():
    there = {"gpus": [{"processes": [{"pid": 9, "name": "python train.py"}]}]}

    def foreign(*pids_by_round, facts=None, first_pid=1):
        rounds = [(first_pid + index, readings([1410.0], pids=pids)) for index, pids in enumerate(pids_by_round)]
        return NvidiaProbe.foreign_processes(run_of(*rounds, facts=facts))

    assert foreign([1, 9], facts=there) == ("python train.py",)
    assert foreign([1]) == ()
    # In a container the worker's own number is not the one that NVML gives.
    assert foreign([4001, 9], [4002, 9]) == ("process 9",)
    assert foreign([4001]) == ()
