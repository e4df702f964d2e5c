"""What `bench devices doctor PHONE` says: each thing set wrong once is named with its remedy; all right is quiet."""

from __future__ import annotations

from typing import Any

import pytest

from latency_bench.devices.checks import Check
from latency_bench.devices.probes.android import AndroidProbe
from latency_bench.devices.probes.android_checks import condition_checks, core_checks
from latency_bench.devices.probes.observed import ObservedRound, ObservedRun

GOOD: dict[str, Any] = {
    "thermal_status": 0,
    "thermal_word": "none",
    "battery_percent": 80,
    "battery_c": 27.5,
    "battery_status": "discharging",
    "battery_saver": False,
    "screen": "off",
}


def wrong(condition: dict[str, Any]) -> list[Check]:
    return [check for check in condition_checks(condition) if check.status != "ok"]


def test_a_phone_on_which_all_is_right() -> None:
    checks = list(condition_checks(GOOD))
    assert len(checks) == 6
    assert wrong(GOOD) == []
    assert all(not check.remedy for check in checks)


@pytest.mark.parametrize(
    ("change", "name", "remedy"),
    [
        ({"thermal_status": 2, "thermal_word": "moderate"}, "thermal status", "cool down"),
        ({"thermal_status_overridden": True}, "thermal status", "thermalservice reset"),
        ({"battery_overridden": True}, "battery", "dumpsys battery reset"),
        ({"battery_percent": 29}, "battery", "charge it"),
        ({"battery_c": 39.0}, "battery temperature", "cool down"),
        ({"battery_status": "charging"}, "charging", "wireless debugging"),
        ({"battery_saver": True}, "battery saver", "low_power 0"),
        ({"screen": "on"}, "screen", "keyevent 26"),
    ],
)
def test_one_thing_that_is_wrong(change: dict[str, Any], name: str, remedy: str) -> None:
    (check,) = wrong({**GOOD, **change})
    assert (check.name, check.status) == (name, "warning")
    assert remedy in check.remedy


def test_what_the_phone_does_not_tell_is_left_out() -> None:
    assert list(condition_checks({})) == []


def test_cores() -> None:
    fine = list(core_checks((), ((0, 1, 2, 3), (7,)), ["schedutil", "walt", "walt"]))
    assert [check.status for check in fine] == ["ok", "ok"]
    assert fine[0].found == "all online; clusters, slowest first: 0, 1, 2, 3; 7"
    assert fine[1].found == "schedutil, walt"
    (off, _) = core_checks((7,), ((0, 1), (4,)), "walt")
    assert off.status == "warning"
    assert off.found.startswith("core 7 offline")


def test_what_was_forced_or_off_during_a_run_is_a_flag_of_it() -> None:
    one = ObservedRound({"condition_before": {"thermal_status_overridden": True}}, {}, {}, [])
    flags = AndroidProbe.flags(ObservedRun([one], {"offline_cpus": [7]}))
    assert [flag.name for flag in flags] == ["thermal_status_overridden", "cores_offline"]
    assert all(flag.severity == "warning" and flag.remedy for flag in flags)
    assert AndroidProbe.flags(ObservedRun([ObservedRound({}, {}, {}, [])], {})) == []
    assert AndroidProbe.flags(ObservedRun([], "nonsense")) == []
