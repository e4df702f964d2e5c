"""Pareto fronts of speed and accuracy that claim no more than was shown.

A point is off the front where another one is shown to be quicker and at least as accurate; on it where against each
other point it is shown to be quicker or more accurate; otherwise nobody knows. An accuracy that is a fixed number shows
by its value; a measured one is shown as speeds are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

Standing: TypeAlias = Literal["on", "off", "open"]
Shown: TypeAlias = Callable[[int, int], bool]
"""Whether something is shown of the first of two points, by their numbers, against the second."""


def standings(accuracies: Sequence[float], quicker: Shown) -> list[Standing]:
    """Of every point, by accuracies that are fixed (higher is better) and by which of two is shown to be quicker."""
    return measured_standings(
        len(accuracies),
        quicker,
        lambda one, other: accuracies[one] > accuracies[other],
        lambda one, other: accuracies[one] >= accuracies[other],
    )


def measured_standings(count: int, quicker: Shown, more_accurate: Shown, as_accurate: Shown) -> list[Standing]:
    """As `standings`, by what was shown of accuracies: that one is higher, and that one is at least as high."""
    found: list[Standing] = []
    for one in range(count):
        rivals = [other for other in range(count) if other != one]
        if any(quicker(rival, one) and as_accurate(rival, one) for rival in rivals):
            found.append("off")
        else:
            shown = all(more_accurate(one, rival) or quicker(one, rival) for rival in rivals)
            found.append("on" if shown else "open")
    return found
