"""The Raspberry Pi's throttle bits: what holds, what came and went, what doctor says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.observed import ObservedRound, ObservedRun
from latency_bench.devices.probes.raspberry_pi import RaspberryPiProbe
from latency_bench.devices.probes.readings import PI_THROTTLED
from latency_bench.devices.transports.base import Completed

VERSION = "2024/11/12 16:10:44 \nCopyright (c) 2012 Broadcom\nversion 4b019946 (release) (embedded)\n"


class Pi:
    """A transport behind which vcgencmd answers with these words."""

    def __init__(self, throttled: str = "throttled=0x0\n") -> None:
        self.throttled = throttled

    def run(self, argv: Sequence[str], **limits: Any) -> Completed:
        assert argv[0] == "vcgencmd"
        return Completed(0, self.throttled if argv[1] == "get_throttled" else VERSION, "")

    def read_text(self, path: str) -> str | None:
        return "Raspberry Pi 5 Model B Rev 1.0\0" if path == "/proc/device-tree/model" else None


def throttling(*bits: int) -> list[set[str]] | None:
    readings = [PI_THROTTLED.of("pi", value).at(second) for second, value in enumerate(bits)]
    reasons = RaspberryPiProbe.throttling(ObservedRun([ObservedRound({}, {}, {}, readings)])).reasons
    return None if reasons is None else [set(one) for one in reasons]


def test_what_holds_now_and_what_came_and_went_between_two_readings() -> None:
    assert throttling(0x0, 0x0) == [set(), set()]
    assert throttling(0x50005, 0x50000) == [{"under_voltage", "throttled"}, set()]
    assert throttling(0x0, 0x20000, 0x20000) == [set(), {"frequency_capped"}, set()]
    assert throttling(0x80008) == [{"soft_temperature_limit"}]
    assert throttling() is None, "they were not read"


@pytest.mark.parametrize(
    ("said", "status", "says"),
    [
        ("throttled=0x0\n", "ok", "none"),
        ("throttled=0x50000\n", "warning", "since the boot: throttled, under_voltage"),
        ("throttled=0x50005\n", "failed", "now: throttled, under_voltage"),
        ("VCHI initialization failed\n", "failed", "no usable output"),
        ("throttled=0x" + "f" * 40 + "\n", "failed", "no usable output"),
    ],
)
def test_doctor(said: str, status: str, says: str) -> None:
    (check,) = RaspberryPiProbe().checks(Pi(said), {})  # type: ignore[arg-type]
    assert (check.status, says in check.found) == (status, True), check


def test_the_board_and_its_firmware_are_conditions() -> None:
    facts = RaspberryPiProbe().fingerprint(Pi("throttled=0x50000\n"))  # type: ignore[arg-type]
    assert facts == {
        "model": "Raspberry Pi 5 Model B Rev 1.0",
        "firmware": " ".join(VERSION.split()),
        "throttled": 0x50000,
    }
    conditions = RaspberryPiProbe.conditions(facts, {})
    assert conditions.device == {"board": facts["model"]}
    assert "throttled" not in str(conditions.system)


def test_readings_are_bits_or_a_reason() -> None:
    (reading,) = RaspberryPiProbe().read(Pi("throttled=0x50005\n"))  # type: ignore[arg-type]
    assert (reading.quantity, reading.value) == ("pi_throttled", 0x50005)
    with pytest.raises(DeviceError, match="vcgencmd"):
        RaspberryPiProbe().read(Pi(""))  # type: ignore[arg-type]
