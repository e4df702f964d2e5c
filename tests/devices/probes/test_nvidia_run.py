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


def run_of(*rounds, facts=None, tuned=None, gpu="gpu0", **loaded):
    """One round a list of readings."""
    observed = [ObservedRound({"pid": pid}, {"gpu": {}, **loaded}, {}, found) for pid, found in rounds]
    return ObservedRun(observed, facts, tuned or {}, gpu)


def one_round(*arguments, **changes):
    return run_of((1, readings(*arguments, **changes)))


TWO = {
    "gpus": [
        {"uuid": "GPU-00102030-4050-6070-8090-a0b0c0d0e0f0", "pci_bus_id": "00000000:3A:00.0"},
        {"uuid": "GPU-01112131-4151-6171-8191-a1b1c1d1e1f1", "pci_bus_id": "00000000:3B:00.0"},
    ]
}
SECOND_UUID, SECOND_BUS = "01112131-4151-6171-8191-A1B1C1D1E1F1", "0000:3b:00.0"


def measured(facts, *gpus):
    """What the probe finds for rounds whose workers said this of their GPU."""
    return NvidiaProbe.measured_gpu(ObservedRun([ObservedRound({}, {"gpu": gpu}, {}, []) for gpu in gpus], facts))


@pytest.mark.parametrize(
    ("gpu", "found"),
    [
        ({"uuid": SECOND_UUID}, "gpu1"),
        ({"uuid": f"GPU-{SECOND_UUID}", "pci_bus_id": "0000:3a:00.0"}, "gpu1"),
        ({"pci_bus_id": SECOND_BUS}, "gpu1"),
        ({"uuid": "c7384736-a75d-5afc-978f-d2f1294409fd", "pci_bus_id": SECOND_BUS}, None),
        ({"pci_bus_id": "0000:41:00.0"}, None),
        ({"name": "NVIDIA A100"}, None),
        ("NVIDIA A100", None),
        ({"uuid": 7, "pci_bus_id": []}, None),
    ],
)
def test_the_measured_gpu_is_found_by_what_it_is(gpu, found):
    assert measured(TWO, gpu) == found
    assert measured(TWO, gpu, gpu) == found


def test_a_gpu_that_is_not_certain_is_unknown():
    second = {"uuid": SECOND_UUID}
    assert measured(TWO, second, {"uuid": "00102030-4050-6070-8090-a0b0c0d0e0f0"}) is None, "rounds on different GPUs"
    assert measured({"gpus": [{**gpu, "mig": 1} for gpu in TWO["gpus"]]}, second) is None
    assert measured({"gpus": TWO["gpus"][:1]}, second) is None, "the one that the host sees is another"
    assert measured({"gpus": TWO["gpus"][:1]}, {"name": "A100"}) == "gpu0", "a machine with one GPU has no other"
    assert measured({"gpus": [{"model": "A100"}]}, second) == "gpu0"
    for odd in (None, [], {"gpus": None}, {"gpus": [3]}, {"gpus": []}):
        assert measured(odd, second) in (None, "gpu0")
    assert NvidiaProbe.measured_gpu(ObservedRun([ObservedRound({}, {}, {}, [])], TWO)) is None, "on a processor"


def test_verdicts_of_a_gpu_that_is_not_known_are_unknown_and_a_flag_says_so():
    run = run_of((1, readings([1410.0, 1000.0], reasons=[4, 4], pids=[9])), facts=TWO, gpu=None)
    assert run.on_gpu
    assert run.clock() == []
    assert NvidiaProbe.throttling(run).reasons is None
    assert NvidiaProbe.clocks_locked(run) == "unknown"
    assert NvidiaProbe.foreign_processes(run) == ()
    (flag,) = NvidiaProbe.flags(run)
    assert flag.name == "gpu_unknown"
    assert "2 GPUs" in flag.text
    assert NvidiaProbe.flags(run_of((1, []), facts=TWO)) == []


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
    assert NvidiaProbe.throttling(run_of((1, []), facts=facts, gpu="gpu1")).limit_c == 80
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
    run = run_of((1, readings(clocks)), facts={"clocks_locked": told})
    assert JetsonProbe.measured_gpu(run) == "gpu0"
    assert JetsonProbe.clocks_locked(run) == answer


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
