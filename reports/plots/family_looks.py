"""One colour and one marker for each family of models, the same in every picture whatever else is in it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache

from latency_bench.reports.plots.style import COLOURS, MARKERS

_PARTS = ("cls", "seg", "sam", "sr")
"""Endings of families whose backbone is one: they look alike."""
UNKNOWN = "unknown family"


@dataclass(frozen=True)
class Look:
    """Numbers of a colour and a marker of style.py."""

    colour_number: int
    marker_number: int

    @property
    def colour(self) -> str:
        return COLOURS[self.colour_number]

    @property
    def marker(self) -> str:
        return MARKERS[self.marker_number]


def family_name(family: str | None) -> str:
    """What a legend calls it: families of one backbone by their common name."""
    if not family:
        return UNKNOWN
    name, _, ending = family.rpartition("-")
    return name if name and ending in _PARTS else family


def look_of(family: str | None) -> Look:
    """Of a family that ships here by its place among them; of others by a hash of its name, which two families may
    share, beyond the looks of those."""
    name, known = family_name(family), _known()
    pairs = len(COLOURS) * len(MARKERS)
    place = known[name] if name in known else len(known) + zlib.crc32(name.encode()) % (pairs - len(known))
    # Colours and markers go on together: their counts have no common divisor, so that no pair comes twice.
    return Look(place % len(COLOURS), place % len(MARKERS))


@cache
def _known() -> dict[str, int]:
    from latency_bench.model_specs.catalog import shipped_families

    return {name: place for place, name in enumerate(dict.fromkeys(map(family_name, shipped_families())))}
