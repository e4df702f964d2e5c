"""What a phone's programs print becomes facts; what they print wrongly becomes nothing."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.android import parse_properties, parse_readings, parse_zones
from latency_bench.devices.probes.android_condition import parse_condition
from latency_bench.devices.probes.android_cpus import clusters, parse_cores, taskset_mask
from latency_bench.devices.probes.android_zones import choose_zones

# The layout of Snapdragon 855 and 8 Gen 1: four little, three big, one prime core.
CORES = "online 0-7\n" + "".join(
    f"cpu{number} {khz} {capacity}\n"
    for number, (khz, capacity) in enumerate([(1785600, 250)] * 4 + [(2496000, 760)] * 3 + [(2995200, 1024)])
)
PROPERTIES = """\
[ro.build.version.release]: [13]
[ro.board.platform]: [taro]
[ro.product.model]: [SM-S901E]
[ro.product.cpu.abi]: [arm64-v8a]
[ro.soc.model]: []
[broken
"""
CONDITION = """\
IsStatusOverride: false
Thermal Status: 2
==battery
  AC powered: false
  USB powered: true
  status: 2
  level: 0
  temperature: 312
==power
  mWakefulness=Asleep
==mode
1
"""
READINGS = "f cpu7 2995200\nt thermal_zone3 cpu-1-0 41200\nt thermal_zone9 off -273000\nm 1024\nc 1 2 3 4 5\nnonsense\n"


def test_cores_come_slowest_first_and_make_masks():
    cores = parse_cores(CORES)
    assert [core.number for core in cores] == list(range(8))
    assert clusters(cores) == ((0, 1, 2, 3), (4, 5, 6), (7,))
    assert (taskset_mask([4, 5, 6, 7]), taskset_mask([7]), taskset_mask((0,))) == ("f0", "80", "1")


def test_the_order_is_by_speed_and_not_by_number():
    cores = parse_cores("online 0-3\ncpu0 2800000 -\ncpu1 2800000 -\ncpu2 1800000 -\ncpu3 1800000 -\n")
    assert [core.number for core in cores] == [2, 3, 0, 1]


def test_cores_that_are_off_line_are_left_out():
    assert [core.number for core in parse_cores(CORES.replace("online 0-7", "online 0-3,7"))] == [0, 1, 2, 3, 7]


def test_a_device_without_cores_is_an_error():
    with pytest.raises(DeviceError, match="no usable list of its cores"):
        parse_cores("sh: cd: not found")


def test_a_board_is_no_chip_and_has_no_name():
    """Phones with an 8 Gen 1 and with a 7+ Gen 2 both say `taro`."""
    facts = parse_properties(PROPERTIES)
    assert facts == {
        "soc": "taro",
        "platform": "taro",
        "model": "SM-S901E",
        "abi": "arm64-v8a",
        "android": "13",
    }
    assert parse_properties("[ro.soc.model]: [SM8150]")["soc_name"] == "Snapdragon 855"
    assert "soc_name" not in parse_properties("[ro.soc.model]: [Tensor]")


def test_the_condition_keeps_a_zero_and_leaves_out_what_is_not_there():
    assert parse_condition(CONDITION) == {
        "thermal_status": 2,
        "thermal_word": "moderate",
        "battery_percent": 0,
        "battery_c": 31.2,
        "battery_status": "charging",
        "powered_by": "USB",
        "screen": "off",
        "battery_saver": True,
    }
    assert parse_condition("") == {}
    assert "thermal_status" not in parse_condition("Thermal Status: nonsense")


def test_readings_leave_out_sensors_that_are_off():
    found = {(one.source, one.quantity): (one.value, one.unit) for one in parse_readings(READINGS)}
    assert found == {
        ("cpu7", "frequency"): (2995.2, "MHz"),
        ("thermal_zone3 cpu-1-0", "temperature"): (41.2, "C"),
        ("system", "memory_available"): (1048576.0, "bytes"),
        ("cpu", "cpu_time_busy"): (0.15, "s"),
    }


def test_few_sensors_are_read_and_one_of_each_kind_first():
    zones = [f"/sys/class/thermal/thermal_zone{number} cpu-1-{number}-usr" for number in range(40)]
    zones += ["/sys/class/thermal/thermal_zone90 skin-therm", "/sys/class/thermal/thermal_zone91 modem-lte"]
    chosen = choose_zones(parse_zones("\n".join(zones)))
    assert len(chosen) == 12
    assert "/sys/class/thermal/thermal_zone90" in chosen
    assert "/sys/class/thermal/thermal_zone91" not in chosen


@example(CORES + PROPERTIES + CONDITION + READINGS)
@given(st.text())
def test_any_text_is_taken(text):
    parse_properties(text)
    for value in parse_condition(text).values():
        assert isinstance(value, (int, float, str))
    for one in parse_readings(text):
        assert math.isfinite(one.value)
    for path in choose_zones(parse_zones(text)):
        assert path.startswith("/sys/class/thermal/thermal_zone")
        assert path.removeprefix("/sys/class/thermal/thermal_zone").isdigit()
    with contextlib.suppress(DeviceError):
        assert parse_cores(text)
