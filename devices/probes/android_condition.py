"""How a phone is: thermal status, battery and screen, from what its services print."""

from __future__ import annotations

import re
from typing import Any

from latency_bench.devices.transports.base import Transport

THERMAL_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's PowerManager.THERMAL_STATUS_*, by number."""
_SCRIPT = """\
dumpsys thermalservice 2>/dev/null | head -n 40
echo ==battery
dumpsys battery 2>/dev/null | head -n 60
echo ==power
dumpsys power 2>/dev/null | grep -m 3 -E 'mWakefulness=|Display Power: state='
echo ==mode
settings get global low_power 2>/dev/null
"""
_DOUBTFUL_TENTHS = 100
_BATTERY_STATUS = {"1": "unknown", "2": "charging", "3": "discharging", "4": "not charging", "5": "full"}


def read_condition(transport: Transport) -> dict[str, Any]:
    """Read all of it. These calls start Java code on the phone, so never while something is measured."""
    return parse_condition(transport.run(["sh", "-c", _SCRIPT], timeout_s=60).stdout)


def parse_condition(text: str) -> dict[str, Any]:
    """What the script prints, as facts. What is not there or not understood is absent."""
    thermal, _, rest = text.partition("==battery\n")
    battery, _, rest = rest.partition("==power\n")
    power, _, mode = rest.partition("==mode\n")
    facts: dict[str, Any] = {}
    # Tools for gaming override the status (`cmd thermalservice override-status`) and leave it so.
    overridden = re.search(r"^\s*IsStatusOverride: true\s*$", thermal, re.M) is not None
    if overridden:
        facts["thermal_status_overridden"] = True
    elif found := re.search(r"^\s*Thermal Status: ([0-9])\s*$", thermal, re.M):
        number = int(found.group(1))
        if number < len(THERMAL_STATUS):
            facts["thermal_status"] = number
            facts["thermal_word"] = THERMAL_STATUS[number]
    # So does `dumpsys battery set`, which then says so in its first line.
    if re.search(r"^\s*\(UPDATES STOPPED\b", battery, re.M):
        facts["battery_overridden"] = True
        battery = ""
    if (level := _integer(battery, "level", 0, 100)) is not None:
        facts["battery_percent"] = level
    tenths = _integer(battery, "temperature", -500, 1200)
    # Android's unit is a tenth of a degree; some devices give whole degrees, which look like a battery near freezing.
    if tenths is not None and abs(tenths) >= _DOUBTFUL_TENTHS:
        facts["battery_c"] = tenths / 10
    if (found := re.search(r"^\s*status: ([0-9])\s*$", battery, re.M)) and found.group(1) in _BATTERY_STATUS:
        facts["battery_status"] = _BATTERY_STATUS[found.group(1)]
    plugged = re.findall(r"^\s*(AC|USB|Wireless|Dock) powered: (true|false)\s*$", battery, re.M)
    if plugged:
        facts["powered_by"] = ", ".join(name for name, on in plugged if on == "true") or "battery"
    if found := re.search(r"mWakefulness=(Awake|Asleep|Dreaming|Dozing)\b", power):
        facts["screen"] = "on" if found.group(1) == "Awake" else "off"
    elif found := re.search(r"Display Power: state=(ON|OFF|DOZE)\b", power):
        facts["screen"] = "on" if found.group(1) == "ON" else "off"
    if mode.strip() in ("0", "1"):
        facts["battery_saver"] = mode.strip() == "1"
    return facts


def _integer(text: str, name: str, low: int, high: int) -> int | None:
    found = re.search(rf"^\s*{name}: (-?[0-9]{{1,6}})\s*$", text, re.M)
    value = int(found.group(1)) if found else None
    return value if value is not None and low <= value <= high else None
