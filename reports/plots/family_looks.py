"""One colour and one marker for each family of models, the same in every picture whatever else is in it."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache

from latency_bench.reports.plots.style import COLOURS, MARKERS, Marker

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
    def marker(self) -> Marker:
        return MARKERS[self.marker_number]

    @property
    def size_pt(self) -> float:
        """Of the marker: stars have less in the same circle."""
        return 5.0 if isinstance(self.marker, str) else 7.0


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
    if name in known:
        return known[name]
    first = zlib.crc32(name.encode())
    pairs = len(COLOURS) * len(MARKERS)
    looks = (Look(place % len(COLOURS), place % len(MARKERS)) for place in range(first, first + pairs))
    return next(look for look in looks if look not in set(known.values()))


@cache
def _known() -> dict[str, Look]:
    """The first family, which stands in every picture, has a colour to itself, and each its own marker, as long as
    there are enough: they are told apart without colour too. Of the others those of one task, which stand in one
    picture, have different colours."""
    from latency_bench.model_specs.catalog import list_specs, shipped_families

    task_of: dict[str, str] = {}
    for spec in list_specs():
        task_of.setdefault(family_name(spec.family), spec.task)
    names = list(dict.fromkeys(map(family_name, shipped_families())))
    looks = {names[0]: Look(0, 0)}
    in_task: Counter[str] = Counter()
    for place, name in enumerate(names[1:], 1):
        task = task_of[name]
        looks[name] = Look(1 + in_task[task] % (len(COLOURS) - 1), place % len(MARKERS))
        in_task[task] += 1
    return looks
