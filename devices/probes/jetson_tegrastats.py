"""Lines of `tegrastats`: clocks, load, temperatures and power. Their form differs by board and release."""

from __future__ import annotations

import re

from latency_bench.devices import numerals
from latency_bench.devices.probes.jetson_rails import NOT_CONNECTED, with_total
from latency_bench.devices.probes.readings import FREQUENCY, LOAD, MEMORY_AVAILABLE, TEMPERATURE, Quantity, Reading

_RAM = re.compile(r"\bRAM (\d+)/(\d+)MB")
_CPU = re.compile(r"\bCPU \[([^\]]*)\]")
_CORE = re.compile(r"(\d+)%@(\d+)")
# `GR3D_FREQ 99%@[1300,1300]`, `GR3D_FREQ 0%@76`, `GR3D_FREQ 0%`, and a Thor's `GR3D_FREQ @[314,314,314]`
_GPU = re.compile(r"\bGR3D_FREQ (?:(\d+)%)?(?:@\[?(\d+))?")
_EMC = re.compile(r"\bEMC_FREQ (\d+)%(?:@(\d+))?")
_TEMPERATURE = re.compile(r"\b([A-Za-z][A-Za-z0-9_]*)@(-?\d+(?:\.\d+)?)C\b")
# Now and on average since the start: `VDD_GPU_SOC 4940mW/4940mW`; without a unit on a Nano: `POM_5V_GPU 0/0`; with the
# greatest so far on a Thor: `VIN 124486mW/36487mW/124486mW`. Below 0 where the sensor's offset exceeds the power.
_RAIL = re.compile(r"(?<!\S)([A-Z][A-Z0-9_]*) (-?\d+)(?:mW)?/-?\d+(?:mW)?(?:/-?\d+(?:mW)?)?(?!\S)")
# A Nano's PMIC has no sensor and always says this.
_NO_SENSOR = {("PMIC", 100.0), ("PMIC", 50.0)}
_ABSENT_BELOW_C = -200.0
"""A sensor of a part that is switched off says -256 C."""
_LONGEST_LINE = 16384
_MOST_MIB = 1 << 30


def parse_tegrastats(line: str) -> list[Reading]:
    """Readings of one line, in MHz, C, W, bytes and percent; a part that is not there gives none."""
    line = line[:_LONGEST_LINE]
    readings: list[Reading] = []

    def add(source: str, quantity: Quantity, text: str | None) -> None:
        if (value := numerals.number(text)) is not None:
            readings.append(quantity.of(source, value))

    if found := _RAM.search(line):
        used, total = (numerals.count(text) for text in found.groups())
        if used is not None and total is not None and used <= total < _MOST_MIB:
            readings.append(MEMORY_AVAILABLE.of("system", (total - used) << 20))
    if found := _CPU.search(line):
        for index, core in enumerate(found[1].split(",")):
            # A core that is switched off says `off`.
            if values := _CORE.fullmatch(core.strip()):
                add(f"cpu{index}", LOAD, values[1])
                add(f"cpu{index}", FREQUENCY, values[2])
    for source, pattern in (("gpu0", _GPU), ("memory", _EMC)):
        if found := pattern.search(line):
            add(source, LOAD, found[1])
            add(source, FREQUENCY, found[2])
    for name, text in _TEMPERATURE.findall(line):
        degrees = numerals.number(text)
        if degrees is not None and (name, degrees) not in _NO_SENSOR and degrees > _ABSENT_BELOW_C:
            readings.append(TEMPERATURE.of(name, degrees))
    milliwatts = {name: numerals.integer(now) for name, now in _RAIL.findall(line) if name != NOT_CONNECTED}
    return readings + with_total({name: value / 1000 for name, value in milliwatts.items() if value is not None})
