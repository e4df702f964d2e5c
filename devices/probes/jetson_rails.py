"""Power rails of a Jetson by its INA3221 monitors, and the power of the whole module where the board is known."""

from __future__ import annotations

import re
from collections.abc import Mapping

from latency_bench.devices import numerals
from latency_bench.devices.probes.jetson_boards import summed_rails
from latency_bench.devices.probes.readings import POWER, POWER_TOTAL, Reading
from latency_bench.devices.transports.base import Transport

_HWMON = "/sys/bus/i2c/drivers/ina3221*/*/hwmon/hwmon*/in*_label"
_IIO = "/sys/bus/i2c/drivers/ina3221*/*/iio:device*/rail_name_*"
NOT_CONNECTED = "NC"
"""The name of a channel that measures nothing."""


def with_total(watts: Mapping[str, float]) -> list[Reading]:
    """A reading a rail, and `power_total`, the sum of those of `summed_rails`, for a board that is known."""
    readings = [POWER.of(name, value) for name, value in watts.items()]
    if not (summed := summed_rails(watts)):
        return readings
    return [*readings, POWER_TOTAL.of("+".join(summed), sum(watts[name] for name in summed))]


def read_rails(transport: Transport) -> dict[str, float]:
    """Watts by rail, from sysfs; empty where the monitors cannot be read."""
    watts = {}
    for label in transport.glob(_HWMON):
        name, base = _text(transport, label), label.removesuffix("_label")
        millivolts = _number(transport, f"{base}_input")
        milliamperes = _number(transport, re.sub(r"/in(\d+)$", r"/curr\1_input", base))
        # The sum of others would be counted twice.
        counts = name and name != NOT_CONNECTED and "sum of" not in name.lower()
        if name and counts and millivolts is not None and milliamperes is not None:
            watts[name] = millivolts * milliamperes / 1e6
    for label in transport.glob(_IIO):
        name = _text(transport, label)
        milliwatts = _number(transport, re.sub(r"/rail_name_(\d+)$", r"/in_power\1_input", label))
        if name and name != NOT_CONNECTED and milliwatts is not None:
            watts[name] = milliwatts / 1e3
    return watts


def _text(transport: Transport, path: str) -> str | None:
    text = transport.read_text(path)
    return text.strip() if text else None


def _number(transport: Transport, path: str) -> int | None:
    return numerals.integer(transport.read_text(path))
