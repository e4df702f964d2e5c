"""Settings of a device's probes as a user asks for them: with the device, on the command line, in a campaign."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from latency_bench.devices.device import Device
from latency_bench.harness.case_options import CaseOptions, case_of
from latency_bench.harness.cli.run import run
from latency_bench.harness.identity.request_key import request_key

ORIN = Device(name="orin", probes=("linux", "jetson"), power_mode="MODE_15W")


def settings_of(**asked):
    options = CaseOptions(model="b0-cls-r224", device="orin", **asked)
    return case_of(options, single=True, device=ORIN).device.settings


def test_what_is_asked_for_comes_before_the_devices_own():
    assert settings_of() == {"power_mode": "MODE_15W"}
    assert settings_of(power_mode="MAXN", lock_clocks=True) == {"power_mode": "MAXN", "lock_clocks": True}
    assert settings_of(settings={"fan": 3}) == {"power_mode": "MODE_15W", "fan": 3}


def test_the_command_line_takes_any_setting(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "latency_bench.harness.benchmark.run_benchmarks", lambda cases, *rest: asked.extend(cases) or []
    )
    words = [
        "--model",
        "b0-cls-r224",
        "--setting",
        "fan=3",
        "--setting",
        "level=high",
        "--power-mode",
        "MAXN",
        "--json",
    ]
    CliRunner().invoke(run, [*words, "--quiet"])
    (case,) = asked
    assert case.device.settings == {"fan": 3, "level": "high", "power_mode": "MAXN"}


@pytest.mark.parametrize("asked", [{"power_mode": "MAXN"}, {"lock_clocks": True}, {"settings": {"fan": 3}}])
def test_another_setting_is_another_case_of_a_campaign(asked):
    plain, changed = (
        case_of(CaseOptions(model="b0-cls-r224", device="orin", **one), single=False, device=ORIN)
        for one in ({}, asked)
    )
    assert request_key(plain) != request_key(changed)
