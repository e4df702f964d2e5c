"""Where names may stand beside points: plain geometry, in points of 1/72 inch.

Each name tries places around its point, near ones first, and takes the first that is free; it is tied to the point by
a thin line where it lies farther off, and keeps clear of other points then. Several orders are tried, and the best
outcome kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from latency_bench.reports.plots.geometry import Box, Point, Segment, cross

_GAPS_PT = (3.0, 7.0, 12.0, 17.0, 23.0, 30.0, 40.0, 54.0, 70.0)
"""Between the point's edge and the label's."""
_LEADER_FROM_PT = 8.0
"""Nearer labels need no line to their point."""
_DIRECTIONS_DEG = (0, 25, -25, 180, 155, -155, 90, -90, 45, -45, 135, -135, 65, -65, 115, -115)
"""Right of the point first, where readers look."""
_DIRECTIONS = tuple((math.cos(math.radians(degrees)), math.sin(math.radians(degrees))) for degrees in _DIRECTIONS_DEG)
MARKER_PT = 3.0
PADDING_PT = 1.0
_CLEAR_PT = 5.0
"""Between the point's neighbours and a name that is tied to it by a line."""
_CROSSING_PT = 15.0
"""A name over a line that may be crossed is as bad as one so much farther off."""


@dataclass(frozen=True)
class Place:
    """Where a name goes, how far from its point, and the line to the point where it needs one."""

    box: Box
    gap: float
    leader: Segment | None

    def clashes(self, other: Place) -> bool:
        return (
            self.box.overlaps(other.box)
            or (self.leader is not None and other.box.crossed_by(*self.leader))
            or (other.leader is not None and self.box.crossed_by(*other.leader))
            or (self.leader is not None and other.leader is not None and cross(self.leader, other.leader))
        )


@dataclass(frozen=True)
class Panel:
    """What is there before any name is, in points of 1/72 inch. The points that have a name come first."""

    inside: Box
    points: Sequence[Point]
    markers: Sequence[Box]
    avoid: Sequence[Segment]
    spare: Sequence[Segment]

    def place(self, extents: Sequence[tuple[float, float]]) -> list[Place | None]:
        """A place for each name, of several orders of choosing the one that leaves out fewest and keeps them near."""
        candidates = [self._candidates(index, extent) for index, extent in enumerate(extents)]
        given = list(range(len(extents)))
        crowded = sorted(given, key=lambda index: (self._room(index), index))
        tried = [_in_order(order, candidates) for order in (given, crowded, crowded[::-1], given[::-1])]
        return min(tried, key=lambda places: (places.count(None), sum(place.gap**2 for place in places if place)))

    def _room(self, index: int) -> float:
        """How far the nearest other points are, in sum."""
        others = [*self.points[:index], *self.points[index + 1 :]]
        return sum(sorted(math.dist(self.points[index], other) for other in others)[:3])

    def _candidates(self, index: int, extent: tuple[float, float]) -> list[Place]:
        """Places for one name that are free before any other name is placed, the best first."""
        near = self._near(index, extent)
        free = [place for place in _around(self.points[index], *extent) if near.leaves_free(place)]
        return sorted(free, key=near.badness)

    def _near(self, index: int, extent: tuple[float, float]) -> _Near:
        """Of all that is there, what lies within reach of a name of this size at this point."""
        x, y = self.points[index]
        width, height = (size + _GAPS_PT[-1] + MARKER_PT + _CLEAR_PT for size in extent)
        reach = Box(x - width, y - height, x + width, y + height)
        within = [place for place, marker in enumerate(self.markers) if marker.overlaps(reach)]
        others = [place for place in within if place != index]
        return _Near(
            inside=self.inside,
            point=self.points[index],
            others=[self.points[place] for place in others],
            markers=[self.markers[place] for place in within],
            padded=[self.markers[place].wider(PADDING_PT) for place in others],
            cleared=[self.markers[place].wider(_CLEAR_PT) for place in others],
            avoid=[segment for segment in self.avoid if reach.crossed_by(*segment)],
            spare=[segment for segment in self.spare if reach.crossed_by(*segment)],
        )


@dataclass(frozen=True)
class _Near:
    """What may be in the way of one name: its own point, other points with their markers, and lines."""

    inside: Box
    point: Point
    others: Sequence[Point]
    markers: Sequence[Box]
    padded: Sequence[Box]
    cleared: Sequence[Box]
    avoid: Sequence[Segment]
    spare: Sequence[Segment]

    def badness(self, place: Place) -> float:
        return place.gap + _CROSSING_PT * any(place.box.crossed_by(*segment) for segment in self.spare)

    def leaves_free(self, place: Place) -> bool:
        box = place.box
        return (
            self.inside.holds(box)
            and not any(map(box.overlaps, self.markers))
            and not any(box.crossed_by(*segment) for segment in self.avoid)
            and self._told_apart(place)
        )

    def _told_apart(self, place: Place) -> bool:
        """Without a line, a name is read as that of the nearest point; a line must not touch another point."""
        if place.leader is not None:
            line = place.leader
            return not any(map(place.box.overlaps, self.cleared)) and not any(
                marker.crossed_by(*line) for marker in self.padded
            )
        own = place.box.distance(self.point) + PADDING_PT
        return all(place.box.distance(point) > own for point in self.others)


def _in_order(order: Sequence[int], candidates: Sequence[Sequence[Place]]) -> list[Place | None]:
    """Each name in its turn takes the first place that those before it have left free."""
    found: list[Place | None] = [None] * len(order)
    for index in order:
        placed = [place for place in found if place]
        found[index] = next((place for place in candidates[index] if not any(map(place.clashes, placed))), None)
    return found


def _around(point: Point, width: float, height: float) -> Iterator[Place]:
    """Places for a name of this size, nearest first. Farther ones have a line to their point."""
    for gap in _GAPS_PT:
        reach = gap + MARKER_PT
        for cosine, sine in _DIRECTIONS:
            x = point[0] + cosine * reach + _sign(cosine) * width / 2
            y = point[1] + sine * reach + _sign(sine) * height / 2
            box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            yield Place(box, gap, None if gap < _LEADER_FROM_PT else (point, box.nearest(point)))


def _sign(value: float) -> float:
    return 0.0 if abs(value) < 1e-9 else math.copysign(1.0, value)
