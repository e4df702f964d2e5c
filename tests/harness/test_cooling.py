"""Cooling down: by temperature, with a cap, on a clock that the test turns."""

from __future__ import annotations

import pytest

from latency_bench.devices.probes.android import AndroidProbe
from latency_bench.devices.probes.readings import TEMPERATURE
from latency_bench.harness.cooling import Cooled, cool_down
from latency_bench.harness.protocol import CoolDown


class Room:
    """A device that cools by 2 degrees a second of a clock of its own; `None` has no thermometer."""

    def __init__(self, start_c: float | None, cool_c: float | None = None) -> None:
        self.start_c = start_c
        self.cool_c = cool_c
        self.now_s = 0.0
        self.said: list[str] = []

    def heat_c(self) -> list[float]:
        return [] if self.start_c is None else [self.start_c - 2 * self.now_s - index for index in (0, 5)]

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def cool(self, wanted: CoolDown | None) -> Cooled | None:
        return cool_down(self, wanted, self.said.append, clock=lambda: self.now_s, sleep=self.sleep)


WANTED = CoolDown(below_c=50, max_s=30)


def test_nothing_is_waited_for_unless_asked():
    assert Room(90).cool(None) is None


def test_a_cool_device_starts_at_once():
    assert Room(45).cool(WANTED) == Cooled(True, 0.0, 45.0, 50)


def test_the_hottest_sensor_decides():
    room = Room(70)
    cooled = room.cool(WANTED)
    assert cooled.reached is True
    assert cooled.waited_s == 10
    assert cooled.temperature_c == 50
    assert len(room.said) == 1


def test_the_cap_ends_the_wait():
    cooled = Room(200).cool(WANTED)
    assert cooled.reached is False
    assert cooled.waited_s == 30


def test_without_a_thermometer_nothing_is_claimed():
    assert Room(None).cool(WANTED) == Cooled(None, 0.0, None, 50)


def test_where_the_protocol_names_no_temperature_the_device_says_what_is_cool():
    asked = CoolDown(max_s=30)
    assert Room(70, cool_c=40).cool(asked) == Cooled(True, 16.0, 38.0, 40)
    assert Room(70).cool(asked) == Cooled(None, 0.0, 70.0, None), "nothing is waited for, and nothing is claimed"


def test_of_a_phone_only_what_a_measurement_heats_counts():
    probe = AndroidProbe()
    zones = {"cpu-1-2-0": True, "gpuss-0": True, "skin-therm": True, "battery": False, "pm8550_tz": False}
    assert {zone: probe.is_heat(TEMPERATURE.of(f"thermal_zone7 {zone}", 50)) for zone in zones} == zones


def test_a_threshold_must_make_sense():
    with pytest.raises(ValueError, match="below_c"):
        CoolDown(below_c=0, max_s=1)
