"""Which chip a phone has, from its properties: what names the chip, never what names the board.

A board's platform name is shared by chips that differ by a factor: `lahaina` is a Snapdragon 888 and a 778G, `taro` an
8 Gen 1 and a 7+ Gen 2, `kona` an 865 and an 870. So it is given as what it is, and has no marketing name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NAMES = {
    "SM8150": "Snapdragon 855",
    "SM8250": "Snapdragon 865",
    "SM8350": "Snapdragon 888",
    "SM8450": "Snapdragon 8 Gen 1",
    "SM8475": "Snapdragon 8+ Gen 1",
    "SM8550": "Snapdragon 8 Gen 2",
    "SM8650": "Snapdragon 8 Gen 3",
    "SM8750": "Snapdragon 8 Elite",
}
"""Qualcomm's part numbers, as its product pages give them. Another part has no name here, and none is guessed."""
_CHIP = ("ro.soc.model", "ro.hardware.chipname", "ro.boot.hardware.chipname", "ro.chipname", "ro.boot.hardware.soc")
_NOTHING = ("", "unknown", "undefined", "none", "0")
"""What builds without a value of their own write."""
_PLATFORM = "ro.board.platform"


def chip_facts(properties: Mapping[str, str]) -> dict[str, Any]:
    """`soc`, `soc_name` where the part is known, `soc_manufacturer`, and `platform`; what is not told is absent.

    `soc` is the platform's name where nothing names the chip.
    """
    told = {name: value.strip() for name, value in properties.items() if value.strip().lower() not in _NOTHING}
    chip = next((told[name] for name in _CHIP if name in told), None)
    platform = told.get(_PLATFORM)
    facts = {
        "soc": chip or platform,
        "soc_name": NAMES.get(re.split(r"[ _-]", chip.upper())[0]) if chip else None,
        "soc_manufacturer": told.get("ro.soc.manufacturer"),
        "platform": platform,
    }
    return {name: value for name, value in facts.items() if value}
