"""Runs on GPUs: verdicts from NVML's readings, energy, and the gate on the precision that layers really have."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from latency_bench.devices.probes.readings import FREQUENCY, LOAD, TEMPERATURE, THROTTLE_REASONS, Reading
from latency_bench.harness.fidelity.precision import check_precision
from latency_bench.harness.probe_verdicts import ask_probes
from latency_bench.harness.run_data import Round
from latency_bench.harness.store.outcome import FidelityRecord


def throttling(clocks, loads=None, reasons=None, fingerprint=None):
    readings = []
    for moment, clock in enumerate(clocks):
        values = [
            FREQUENCY.of("gpu0", clock),
            LOAD.of("gpu0", loads[moment] if loads else 100),
            TEMPERATURE.of("gpu0", 70),
        ]
        values += [THROTTLE_REASONS.of("gpu0", reasons[moment])] if reasons else []
        # Another GPU, and a sensor of the board, say nothing of this one.
        values += [FREQUENCY.of("gpu1", 100.0 * moment), TEMPERATURE.of("board", 99)]
        readings += [reading.at(moment * 10**9) for reading in values]
    result = SimpleNamespace(hello={}, loaded={"gpu": {}}, done={}, sampled_unix_ns=(0, len(clocks) * 10**9))
    return ask_probes(fingerprint or {"nvidia": {"gpus": [{}]}}, [Round(0, 0, None, result, readings)]).throttling


def test_a_clock_that_falls_under_load_is_throttled_and_an_idle_one_is_not():
    assert throttling([1410.0] * 40).verdict == "no"
    assert throttling([1410.0] * 20 + [1200.0] * 20).verdict == "yes"
    assert throttling([1410.0] * 30 + [210.0] * 20, loads=[100.0] * 30 + [0.0] * 20).verdict == "no"
    assert throttling([]).verdict == "unknown"


def test_reasons_decide_where_the_clock_alone_does_not():
    capped = throttling([1410.0] * 40, reasons=[0x4] * 40)
    assert capped.verdict == "yes"
    assert any("sw_power_cap in 100%" in sentence for sentence in capped.evidence)
    assert throttling([1410.0] * 40, reasons=[0x1] * 40).verdict == "no"


def test_the_temperature_is_the_gpus_own_and_named_beside_its_limit():
    facts = {"nvidia": {"gpus": [{"slowdown_temperature_c": 92}]}}
    assert "hottest 70 °C, below 92 °C" in throttling([1410.0] * 40, fingerprint=facts).evidence


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
        hello={},
        done={},
        loaded={"gpu": {"uuid": "b"}, "options": {"device": 0}},
        sampled_unix_ns=(0, 10 * second),
        samples=SimpleNamespace(latency_ns=np.ones(100, np.int64)),
    )
    one = energy([Round(0, 0, None, result, found)], 2, {"nvidia": {"gpus": [{"uuid": "GPU-a"}, {"uuid": "GPU-b"}]}})
    assert one.mean_power_w == pytest.approx(300)
    assert one.joules_per_image == pytest.approx(300 * 10 / 200)
    assert one.rails == ("gpu1",)
