"""Boxes and segments in a plane, in points of 1/72 inch: what is needed to keep names apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

Point = tuple[float, float]
Segment = tuple[Point, Point]


@dataclass(frozen=True)
class Box:
    """Upright, by its edges."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def holds(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )

    def nearest(self, point: Point) -> Point:
        return min(max(point[0], self.left), self.right), min(max(point[1], self.bottom), self.top)

    def wider(self, by: float) -> Box:
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def distance(self, point: Point) -> float:
        return math.dist(point, self.nearest(point))

    def crossed_by(self, start: Point, end: Point) -> bool:
        """Whether the segment passes through (Liang and Barsky, "A new concept and method for line clipping", ACM
        Transactions on Graphics 3, 1984)."""
        if (
            max(start[0], end[0]) <= self.left
            or min(start[0], end[0]) >= self.right
            or max(start[1], end[1]) <= self.bottom
            or min(start[1], end[1]) >= self.top
        ):
            return False  # on one side of it, as most are
        first, last = 0.0, 1.0
        for low, high, origin, target in (
            (self.left, self.right, start[0], end[0]),
            (self.bottom, self.top, start[1], end[1]),
        ):
            step = target - origin
            if step == 0:
                if not low < origin < high:
                    return False
                continue
            enter, leave = sorted(((low - origin) / step, (high - origin) / step))
            first, last = max(first, enter), min(last, leave)
        return first < last


def cross(one: Segment, other: Segment) -> bool:
    """Whether two segments cross inside both."""
    return _side(one, other[0]) * _side(one, other[1]) < 0 and _side(other, one[0]) * _side(other, one[1]) < 0


def _side(line: Segment, point: Point) -> float:
    (x0, y0), (x1, y1) = line
    return (x1 - x0) * (point[1] - y0) - (y1 - y0) * (point[0] - x0)
