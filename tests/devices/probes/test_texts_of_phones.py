"""What real phones say of their chip, their sensors, their battery and their cores, taken for what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from latency_bench.devices.probes.android import parse_properties, parse_readings, parse_zones
from latency_bench.devices.probes.android_condition import parse_condition
from latency_bench.devices.probes.android_cpus import parse_cores, parse_offline
from latency_bench.devices.probes.android_zones import choose_zones, place_of, temperature_c, unused_zones

TEXTS = Path(__file__).parents[1] / "android_texts"


def text(number: int) -> str:
    (path,) = TEXTS.glob(f"{number:02d}-*.txt")
    return path.read_text(encoding="utf-8")


def condition(thermal: str = "", battery: str = "") -> dict[str, object]:
    return parse_condition(f"{thermal}\n==battery\n{battery}\n==power\n==mode\n")


@pytest.mark.parametrize(
    ("number", "soc", "name"),
    [
        (41, "exynos2400", None),
        (43, "Tensor G3", None),
        (45, "SM8850", None),
        (46, "lahaina", None),
        (48, "Exynos 2400", None),
    ],
)
def test_the_chip(number: int, soc: str, name: str | None) -> None:
    facts = parse_properties(text(number))
    assert (facts["soc"], facts.get("soc_name")) == (soc, name)
    assert facts.get("soc_manufacturer") != "exynos2400"


@pytest.mark.parametrize("board", ["lahaina", "taro", "kona", "sm6150", "kalama", "msmnile"])
def test_no_board_has_the_name_of_a_chip(board: str) -> None:
    facts = parse_properties(f"[ro.board.platform]: [{board}]\n")
    assert facts == {"soc": board, "platform": board}


def test_a_property_without_a_value_of_its_own_names_no_chip() -> None:
    said = "[ro.soc.model]: [unknown]\n[ro.soc.manufacturer]: [UNKNOWN]\n[ro.hardware.chipname]: [exynos990]\n"
    assert parse_properties(said) == {"soc": "exynos990"}


def test_windows_line_ends_change_nothing() -> None:
    assert parse_properties(text(43).replace("\n", "\r\n")) == parse_properties(text(43))


@pytest.mark.parametrize("number", [31, 33, 34])
def test_a_thermal_status_that_was_measured(number: int) -> None:
    assert condition(text(number))["thermal_status"] == 0


def test_a_thermal_status_that_was_forced_is_none() -> None:
    facts = condition(text(35))
    assert "thermal_status" not in facts
    assert facts["thermal_status_overridden"] is True


def test_an_android_without_the_service_says_nothing() -> None:
    assert condition(text(37)) == {}


def test_a_battery() -> None:
    facts = condition(battery=text(38))
    assert (facts["battery_percent"], facts["battery_c"]) == (84, 33.6)
    assert (facts["battery_status"], facts["powered_by"]) == ("charging", "USB")


def test_a_battery_whose_unit_cannot_be_told_has_no_temperature() -> None:
    assert "battery_c" not in condition(battery=text(40))


def test_a_battery_that_somebody_set_is_not_believed() -> None:
    forced = text(38).replace("state:\n", "state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n", 1)
    assert condition(battery=forced) == {"battery_overridden": True}


def test_the_prime_cores_are_watched_and_the_charge_is_not() -> None:
    zones = parse_zones(text(49))
    names = dict(zones)
    chosen = [names[path] for path in choose_zones(zones)]
    assert "socd" not in chosen
    assert any(re.match(r"cpu-1-", name) for name in chosen)
    assert any(re.match(r"cpu-0-", name) for name in chosen)
    assert "socd" in unused_zones(zones)


def test_sensors_of_older_chips_are_watched() -> None:
    zones = parse_zones(text(51))
    names = dict(zones)
    assert any(names[path].startswith("tsens_tz_sensor") for path in choose_zones(zones))


@pytest.mark.parametrize(
    "zone",
    [
        "BIG",
        "MID",
        "LITTLE",
        "G3D",
        "TPU",
        "tsens_tz_sensor9",
        "cpu-1-3-0",
        "mtktscpu",
        "gpuss-3",
        "skin-msm-therm",
        "apcpu0-thmzone",
        "gpu-thmzone",
    ],
)
def test_names_of_every_maker_are_known(zone: str) -> None:
    assert place_of(zone) is not None


@pytest.mark.parametrize(
    "zone", ["soc", "socd", "vbat", "pm8550-bcl-lvl0", "pmih010x-ibat-lvl1", "ibat-high", "usb", "sdr0"]
)
def test_what_is_no_temperature_is_not_taken_for_one(zone: str) -> None:
    assert place_of(zone) is None
    assert temperature_c(zone, 85) is None


def test_the_charge_of_a_battery_is_in_no_choice() -> None:
    zones = parse_zones(text(53))
    names = dict(zones)
    assert "soc" not in [names[path] for path in choose_zones(zones)]


def test_a_phone_with_15_percent_charge_is_not_at_85_degrees() -> None:
    temperatures = [reading.value for reading in parse_readings(text(54)) if reading.quantity == "temperature"]
    assert temperatures
    assert max(temperatures) < 40


def test_units_differ_from_sensor_to_sensor() -> None:
    temperatures = [reading.value for reading in parse_readings(text(56)) if reading.quantity == "temperature"]
    assert temperatures == pytest.approx([25.0, 31.0, 30.0, 32.6], abs=0.05)


@pytest.mark.parametrize(("number", "prime", "four"), [(57, 7, [4, 5, 6, 7]), (59, 7, [4, 5, 6, 7])])
def test_the_fastest_cores(number: int, prime: int, four: list[int]) -> None:
    numbers = [core.number for core in parse_cores(text(number))]
    assert numbers[-1] == prime
    assert sorted(numbers[-4:]) == four


def test_a_core_that_is_off_is_said() -> None:
    assert [core.number for core in parse_cores(text(61))] == [0, 1, 2, 3, 4, 5, 6]
    assert parse_offline(text(61)) == (7,)
    assert parse_offline(text(57)) == ()
