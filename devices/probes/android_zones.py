"""Thermal zones of phones: which of a hundred are temperatures of something that a measurement heats.

A kernel lists everything that its thermal framework watches, charge and current of the battery included, under names
that the maker of the chip chose. So a zone is used only where its name is of a known family; the others are listed.

Sources of the families: Qualcomm's device trees in the Linux kernel (arch/arm64/boot/dts/qcom, `thermal-zones`) and its
vendor kernels 3.18 to 6.6 (tsens, bcl_soc.c: `soc` and `socd` are the battery's charge and 100 minus it, in percent);
Samsung's and Google's vendor kernels (drivers/thermal/samsung, BIG, MID, LITTLE, G3D, TPU); MediaTek's vendor kernels
(mtk_ts_*, and zones by core since Dimensity); Unisoc's (sprd, *-thmzone); Rockchip's and Amlogic's device trees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_ZONES = 12
"""Zones that are read: reading one costs a bus transfer."""
MOST_LISTED = 120
_MILLI = 1000
"""The kernel's unit: thousandths of a degree Celsius (Documentation/driver-api/thermal/sysfs-api.rst)."""
_PLAUSIBLE_C = (-30.0, 150.0)
"""Sensors that are switched off report -273, 0x7fff and the like."""


@dataclass(frozen=True)
class Family:
    """Zones of one kind. `place`: what of the phone they are the temperature of."""

    place: str
    pattern: re.Pattern[str]


def _family(place: str, *patterns: str) -> Family:
    return Family(place, re.compile("|".join(patterns), re.I))


FAMILIES = (
    _family(
        "cpu",
        r"cpu-(?P<a>\d+)-\d+(?:-\d+)?(?:-(?:usr|step|lowf|max-step))?",
        r"cpuss-?(?P<b>\d+)(?:-\d+)?(?:-(?:usr|step))?",
        r"(?P<c>apc\d)-(?:cpu\d|max)(?:-(?:usr|step))?",
        r"(?P<d>BIG|MIDH?|MIDL|LIT(?:TLE)?)\d?",
        r"cpu-(?P<e>big|medium|mid|little)-?(?:core)?\d*(?:-\d+)?",
        r"(?P<f>apcpu|ank|lit|mid|big)\d?[-_]thmzone",
        r"cpu(?:[-_]?thermal)?\d*(?:[-_]thermal)?|mtktscpu|(?:big|little)core\d?[-_]thermal|x86_pkg_temp",
    ),
    _family("gpu", r"gpu(?:ss)?[-_]?\d*(?:-\d+)?(?:-(?:usr|step))?|gpu[-_](?:thermal|thmzone)|G3D\d?"),
    _family("npu", r"(?:nsp\w*|npu|cdsp\w*|apu\w*)(?:-\d+)*(?:-(?:usr|step|lowf))?|TPU|NPU"),
    _family("chip", r"tsens_tz_sensor\d+|soc[-_]thermal|soc[-_](?:max|top)|package[-_]thermal|soc[-_]thmzone"),
    _family(
        "skin",
        r"(?:virtual-)?skin(?:[-_].*)?|.*[-_]skin(?:[-_]therm)?|quiet[-_]therm(?:[-_](?:adc|usr))?",
        r"xo[-_]therm(?:[-_](?:adc|buf|usr))*|ap[-_](?:therm|ntc)\w*|mtktsAP|msm[-_]therm(?:[-_]adc)?",
    ),
    _family("battery", r"battery|bms|batt?[-_]therm|mtktsbattery"),
    _family("power chip", r"pm\w*[-_]tz"),
)
"""In the order of what a measurement heats first. Names that are matched by a group are one cluster of cores each."""

HEATED = frozenset({"cpu", "gpu", "npu", "chip", "skin"})
"""Places that a measurement heats, and that a phone slows down for."""


def place_of(zone: str) -> str | None:
    """What a zone is the temperature of; None for a name that no family has."""
    return next((family.place for family in FAMILIES if family.pattern.fullmatch(zone)), None)


def choose_zones(zones: list[tuple[str, str]]) -> list[str]:
    """Of (path, name), the paths to read: of every cluster and place one before the second of any, at most 12."""
    groups: dict[tuple[int, str], list[str]] = {}
    for path, name in zones:
        for rank, family in enumerate(FAMILIES):
            if match := family.pattern.fullmatch(name):
                cluster = next((value.lower() for value in match.groupdict().values() if value), "")
                groups.setdefault((rank, cluster), []).append(path)
                break
    ordered = [groups[key] for key in sorted(groups)]
    by_turns = [paths[turn] for turn in range(MOST_ZONES) for paths in ordered if turn < len(paths)]
    return by_turns[:MOST_ZONES]


def unused_zones(zones: list[tuple[str, str]]) -> list[str]:
    """Names that no family has, so that a reader of the record sees what was left out."""
    return sorted({name for _, name in zones if place_of(name) is None})[:MOST_LISTED]


def temperature_c(zone: str, value: int) -> float | None:
    """Degrees Celsius of what a zone reads; None where it is no temperature, or none that can be told.

    Old vendor kernels give some sensors in whole degrees. What lies between the two (322) may be tenths, or nonsense.
    """
    if place_of(zone) is None or value == 0:
        return None
    degrees = value / _MILLI if abs(value) >= _MILLI else float(value)
    return degrees if _PLAUSIBLE_C[0] < degrees < _PLAUSIBLE_C[1] else None
