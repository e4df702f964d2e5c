"""Conditions of a device: what two runs have to agree in, read from fingerprints that nobody has checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.devices.parts import find_part, part_names
from latency_bench.devices.probe_conditions import conditions_by_probe, probe_conditions
from latency_bench.harness.store.layout import RECORD_FILE
from latency_bench.harness.store.reader import run_paths

RESULTS = Path(__file__).parents[2] / "results"

JETSON = {"jetson": {"model": "NVIDIA Jetson AGX Orin", "l4t": "35.4.1", "power_mode": "MAXN", "clocks": "locked"}}
PHONE = {
    "android": {
        "manufacturer": "Google",
        "model": "Pixel 8 Pro",
        "soc": "Tensor G3",
        "soc_manufacturer": "Google",
        "kernel": "5.15",
        "memory_total_bytes": 12_000_000_000,
        "build": "google/husky/1",
        "frequency": {"governor": "sched_pixel", "min_khz": [324000, 402000], "max_khz": [1704000, 2367000]},
        "condition": {"screen": "off", "battery_saver": False, "battery_status": "charging", "powered_by": "USB"},
        "clusters": [{"cpus": [0, 1, 2, 3], "max_khz": 1704000}, {"cpus": [4, 5, 6, 7, 8], "max_khz": 2367000}],
    }
}
GPU = {
    "nvidia": {
        "driver": "550.54",
        "gpus": [{"model": "NVIDIA A100-SXM4-80GB", "power_limit_w": 400.0, "ecc": 1, "pcie": {"width": 16}}],
    }
}
DESK = {
    "linux": {
        "cpu": {"model": "AMD EPYC", "family_model_stepping": "25-1-1", "logical_cpus": 2, "microcode": "0x1"},
        "kernel": "6.1.0",
        "memory_total_bytes": 25_276_502_016,
        "virtualised": "no",
        "frequency": {"governor": "performance", "min_khz": "400000", "max_khz": "3600000", "turbo": False},
    }
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("fingerprint", "change", "dimension", "name"),
    [
        (JETSON, {"power_mode": "MODE_15W"}, "system", "power mode"),
        (JETSON, {"clocks": "free"}, "system", "clocks"),
        (JETSON, {"l4t": "36.3.0"}, "system", "L4T"),
        (JETSON, {"model": "NVIDIA Jetson Orin NX"}, "device", "module"),
        (PHONE, {"model": "Pixel 9"}, "device", "phone"),
        (PHONE, {"soc": "Tensor G4"}, "device", "SoC"),
        (PHONE, {"memory_total_bytes": 8_000_000_000}, "device", "memory"),
        (PHONE, {"build": "google/husky/2"}, "system", "build"),
        (PHONE, {"frequency": {"governor": "powersave"}}, "system", "cpu governor"),
        (PHONE, {"condition": {"screen": "on"}}, "system", "screen"),
        (PHONE, {"condition": {"battery_saver": True}}, "system", "battery saver"),
        (PHONE, {"condition": {"battery_status": "discharging"}}, "system", "battery"),
        (PHONE, {"clusters": [{"cpus": [0, 1, 2, 3], "max_khz": 1704000}]}, "system", "cores"),
        (GPU, {"driver": "560.35"}, "system", "NVIDIA driver"),
        (GPU, {"gpus": [{"model": "NVIDIA H100"}]}, "device", "GPUs"),
        (DESK, {"cpu": {"model": "Intel"}}, "device", "cpu model"),
        (DESK, {"kernel": "6.2.0"}, "system", "kernel"),
        (DESK, {"virtualised": "container"}, "system", "virtualised"),
        (DESK, {"frequency": {"turbo": True}}, "system", "cpu turbo"),
    ],
)
def test_what_changes_a_latency_is_a_condition(fingerprint, change, dimension, name):
    ((probe, facts),) = fingerprint.items()
    before, after = probe_conditions(fingerprint), probe_conditions({probe: {**facts, **change}})
    assert name in before[dimension]
    assert before[dimension][name] != after[dimension].get(name)


def test_a_mode_that_bench_set_is_the_mode_that_was_there():
    tuned = {"power_mode": {"before": "MODE_15W", "while_measuring": "MAXN"}}
    assert probe_conditions({**JETSON, "tuned": tuned}) == probe_conditions(JETSON)


def test_gpu_clocks_that_bench_locked_are_a_condition():
    locked = probe_conditions({**GPU, "tuned": {"gpu_clocks": {"before": "1200", "while_measuring": "1410"}}})
    assert locked["system"] != probe_conditions(GPU)["system"]


def test_another_kernels_own_memory_is_no_other_machine():
    less = {"linux": {**DESK["linux"], "memory_total_bytes": 25_276_063_744}}
    assert probe_conditions(less) == probe_conditions(DESK)


@given(facts=JSON, tuned=JSON)
def test_a_fingerprint_of_any_shape_is_read(facts, tuned):
    fingerprint = dict.fromkeys(part_names("probe"), facts) | {"tuned": tuned, "nobody's": facts}
    merged = probe_conditions(json.loads(json.dumps(fingerprint)))
    for values in merged.values():
        assert all(isinstance(value, (str, int, float, bool)) for value in values.values())


@pytest.mark.parametrize("probe", part_names("probe"))
@given(data=st.data())
def test_a_fact_of_any_shape_is_read(probe, data):
    """The probe's own names, with values that it never wrote."""
    known = {**JETSON, **PHONE, **GPU, **DESK}.get(probe, {})
    facts = {}
    for name, value in known.items():
        nested = st.dictionaries(st.sampled_from(sorted(value)), JSON) if isinstance(value, dict) else st.nothing()
        facts[name] = data.draw(JSON | nested)
    find_part("probe", probe).conditions(facts, {})


PI = """
    from latency_bench.devices.probes.base import Probe
    from latency_bench.devices.probes.conditions import Conditions

    class PiProbe(Probe):
        name = "pi"

        def fingerprint(self, transport):
            return {"firmware": "2026-01-01"}

        def read(self, transport):
            return []

        @classmethod
        def conditions(cls, facts, tuned):
            BODY
"""


def test_a_third_partys_probe_counts_here_and_where_it_is_not_installed(install_package, monkeypatch):
    fingerprint = {"pi": {"firmware": "2026-01-01"}}
    with monkeypatch.context() as here:
        site = install_package(
            "lab_pi",
            PI.replace("BODY", 'return Conditions.of(system={"firmware": facts.get("firmware"), "odd": object()})'),
            {"bench.probes": "pi = lab_pi:PiProbe"},
        )
        here.syspath_prepend(site)
        by_probe = conditions_by_probe(fingerprint)
        assert dict(by_probe["pi"].system) == {"firmware": "2026-01-01"}
        # What the record keeps does not outvote the probe itself.
        assert probe_conditions(fingerprint, {"pi": {"system": {"firmware": "old"}}})["system"] == by_probe["pi"].system
    monkeypatch.undo()
    assert probe_conditions(fingerprint)["system"] == {}
    stored = {"pi": {"device": {}, "system": {"firmware": "2026-01-01"}}}
    assert probe_conditions(fingerprint, stored)["system"] == {"firmware": "2026-01-01"}


def test_a_probe_that_cannot_read_its_own_facts_says_so(install_package):
    install_package("lab_pi", PI.replace("BODY", "return facts['x']['y']"), {"bench.probes": "pi = lab_pi:PiProbe"})
    assert probe_conditions({"pi": {}})["system"] == {"conditions of pi": "unreadable (KeyError)"}


def test_one_name_of_two_probes_keeps_both(install_package):
    body = 'return Conditions.of(system={"kernel": "firmware 7"})'
    install_package("lab_pi", PI.replace("BODY", body), {"bench.probes": "pi = lab_pi:PiProbe"})
    system = probe_conditions({"pi": {}, **DESK})["system"]
    assert (system["kernel"], system["pi kernel"]) == ("6.1.0", "firmware 7")


def test_the_runs_of_one_committed_campaign_agree_on_each_device():
    """Else no two of them could be compared. Between campaigns a kernel is updated; a pair needs no other run."""
    by_campaign: dict[tuple[str, str | None], set[str]] = {}
    for run in run_paths(RESULTS):
        record = json.loads((run / RECORD_FILE).read_text())
        device, campaign = record["device"], record["campaign"]
        merged = probe_conditions(device["fingerprint"], device.get("conditions"))
        together = device["name"], None if campaign is None else campaign["name"]
        by_campaign.setdefault(together, set()).add(json.dumps(merged))
    assert by_campaign
    assert {name: len(found) for name, found in by_campaign.items()} == dict.fromkeys(by_campaign, 1)
