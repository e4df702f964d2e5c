"""Verdicts from NVML's readings, and the gate on the precision that layers really have."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from latency_bench.devices.probes.base import Reading
from latency_bench.harness.fidelity.precision import check_precision
from latency_bench.harness.gpu_verdicts import gpu_clocks_locked, gpu_foreign_processes, gpu_of, gpu_throttling
from latency_bench.harness.store.outcome import FidelityRecord


def readings(clocks, loads=None, reasons=None, pids=()):
    found = []
    for moment, clock in enumerate(clocks):
        values = {"frequency": clock, "load": 100.0 if loads is None else loads[moment]}
        if reasons is not None:
            values["throttle_reasons"] = reasons[moment]
        found += [Reading("gpu0", name, value, "", moment) for name, value in values.items()]
        found += [Reading("gpu1", "frequency", 100.0 * moment, "MHz", moment)]
        found += [Reading(f"gpu0 pid {pid}", "process_memory", 0.0, "bytes", moment) for pid in pids]
    return found


def round_of(pid, pids=(), **loaded):
    result = SimpleNamespace(hello={"pid": pid}, loaded=loaded)
    return SimpleNamespace(result=result, readings=readings([1410.0], pids=pids))


def test_only_a_run_on_a_gpu_is_judged_by_its_readings():
    assert gpu_of([round_of(1)]) is None
    assert gpu_of([round_of(1, gpu={}, options={"device": 2})]) == "gpu2"


def test_a_clock_that_falls_under_load_is_throttled_and_an_idle_one_is_not():
    steady = readings([1410.0] * 40)
    assert gpu_throttling({}, steady, "gpu0").verdict == "no"
    fallen = readings([1410.0] * 20 + [1200.0] * 20)
    assert gpu_throttling({}, fallen, "gpu0").verdict == "yes"
    idle = readings([1410.0] * 30 + [210.0] * 20, loads=[100.0] * 30 + [0.0] * 20)
    assert gpu_throttling({}, idle, "gpu0").verdict == "no"
    assert gpu_throttling({}, [], "gpu0").verdict == "unknown"


def test_reasons_decide_where_the_clock_alone_does_not():
    capped = readings([1410.0] * 40, reasons=[0x4] * 40)
    found = gpu_throttling({}, capped, "gpu0")
    assert found.verdict == "yes"
    assert any("sw_power_cap" in sentence for sentence in found.evidence)
    idle = readings([1410.0] * 40, reasons=[0x1] * 40)
    assert gpu_throttling({}, idle, "gpu0").verdict == "no"


def test_whether_the_clocks_are_locked():
    steady, moving = readings([1410.0] * 5), readings([1410.0, 1395.0, 1200.0])
    assert gpu_clocks_locked({}, steady, "gpu0") == "unknown"
    assert gpu_clocks_locked({}, moving, "gpu0") == "no"
    tuned = {"tuned": {"gpu_clocks": {}}}
    assert gpu_clocks_locked(tuned, steady, "gpu0") == "yes"
    assert gpu_clocks_locked(tuned, moving, "gpu0") == "no"


def test_processes_of_others():
    there = {"nvidia": {"gpus": [{"processes": [{"pid": 9, "name": "python train.py"}]}]}}
    assert gpu_foreign_processes([round_of(1, [1, 9])], there, "gpu0") == ("python train.py",)
    assert gpu_foreign_processes([round_of(1, [1])], {}, "gpu0") == ()
    # In a container the worker's own number is not the one that NVML gives.
    in_container = [round_of(1, [4001, 9]), round_of(2, [4002, 9])]
    assert gpu_foreign_processes(in_container, {}, "gpu0") == ("process 9",)
    assert gpu_foreign_processes([round_of(1, [4001])], {}, "gpu0") == ()


PASSED = FidelityRecord(passed=True)


@pytest.mark.parametrize(
    ("precision", "layers", "passes"),
    [
        ("fp16", {"float16": 60, "float32": 10}, True),
        ("fp16", {"float16": 10, "float32": 60}, False),
        ("fp16", {"float32": 60}, False),
        ("bf16", {"bfloat16": 60}, True),
        ("bf16", {"float16": 60}, False),
        ("fp32", {"float32": 60}, True),
        ("fp16", {}, True),
        ("fp16", None, True),
    ],
)
def test_a_request_that_ran_in_another_precision_does_not_pass(precision, layers, passes):
    loaded = {} if layers is None else {"layer_precisions": layers}
    found = check_precision(PASSED, precision, loaded)
    assert found.passed is passes
    if not passes:
        assert precision in found.reason
        assert "60" in found.reason


def test_energy_is_that_of_the_gpu_that_was_measured():
    import numpy as np

    from latency_bench.harness.energy import energy

    second = 10**9
    found = [
        Reading(gpu, "power_total", watts, "W", moment * second)
        for moment in range(11)
        for gpu, watts in (("gpu0", 70.0), ("gpu1", 300.0))
    ]
    result = SimpleNamespace(
        loaded={"gpu": {}, "options": {"device": 1}},
        sampled_unix_ns=(0, 10 * second),
        samples=SimpleNamespace(latency_ns=np.ones(100, np.int64)),
    )
    one = energy([SimpleNamespace(result=result, readings=found)], batch=2)
    assert one.mean_power_w == pytest.approx(300)
    assert one.joules_per_image == pytest.approx(300 * 10 / 200)
    assert one.rails == ("gpu1",)
