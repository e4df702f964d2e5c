"""Lines of `tegrastats`: clocks, load, temperatures and power. Their form differs by board and release."""

from __future__ import annotations

import re

from latency_bench.devices.probes.base import Reading
from latency_bench.devices.probes.jetson_rails import with_total

_RAM = re.compile(r"\bRAM (\d+)/(\d+)MB")
_CPU = re.compile(r"\bCPU \[([^\]]*)\]")
_CORE = re.compile(r"(\d+)%@(\d+)")
# `GR3D_FREQ 99%@[1300,1300]`, `GR3D_FREQ 0%@76`, `GR3D_FREQ 0%`
_GPU = re.compile(r"\bGR3D_FREQ (\d+)%(?:@\[?(\d+))?")
_EMC = re.compile(r"\bEMC_FREQ (\d+)%(?:@(\d+))?")
_TEMPERATURE = re.compile(r"\b([A-Za-z][A-Za-z0-9_]*)@(-?\d+(?:\.\d+)?)C\b")
# Now and on average since the start: `VDD_GPU_SOC 4940mW/4940mW`; without a unit on a Nano: `POM_5V_GPU 0/0`.
_RAIL = re.compile(r"\b((?:VDDQ?|VIN|POM)_[A-Z0-9_]+|VIN|CV|GPU|CPU|SOC|DDR) (-?\d+)(?:mW)?/(-?\d+)(?:mW)?(?=\s|$)")
# A Nano's PMIC has no sensor and always says this.
_NO_SENSOR = {("PMIC", 100.0), ("PMIC", 50.0)}
_ABSENT_BELOW_C = -200.0
"""A sensor of a part that is switched off says -256 C."""


def parse_tegrastats(line: str) -> list[Reading]:
    """Readings of one line, in MHz, C, W, bytes and percent; a part that is not there gives none."""
    readings: list[Reading] = []
    if found := _RAM.search(line):
        used, total = (int(value) for value in found.groups())
        readings.append(Reading("system", "memory_available", float((total - used) << 20), "bytes"))
    if found := _CPU.search(line):
        for index, core in enumerate(found[1].split(",")):
            # A core that is switched off says `off`.
            if values := _CORE.fullmatch(core.strip()):
                readings.append(Reading(f"cpu{index}", "load", float(values[1]), "%"))
                readings.append(Reading(f"cpu{index}", "frequency", float(values[2]), "MHz"))
    for source, pattern in (("gpu0", _GPU), ("memory", _EMC)):
        if found := pattern.search(line):
            readings.append(Reading(source, "load", float(found[1]), "%"))
            if found[2]:
                readings.append(Reading(source, "frequency", float(found[2]), "MHz"))
    for name, value in _TEMPERATURE.findall(line):
        if (name, float(value)) not in _NO_SENSOR and float(value) > _ABSENT_BELOW_C:
            readings.append(Reading(name, "temperature", float(value), "C"))
    rails = {name: int(now) / 1000 for name, now, _ in _RAIL.findall(line)}
    return readings + with_total(rails)
