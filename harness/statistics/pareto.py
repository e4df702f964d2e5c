"""Pareto fronts of speed and accuracy that claim no more than was shown.

An accuracy is a fixed number here, a speed a measured one: only a shown difference in speed dominates. A point is off
the front where another one that is at least as accurate is shown to be quicker; on it where it is shown to be quicker
than each of those; otherwise nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

Standing: TypeAlias = Literal["on", "off", "open"]


def standings(accuracies: Sequence[float], quicker: Callable[[int, int], bool]) -> list[Standing]:
    """Of every point, by the accuracies (higher is better) and by which of two is shown to be quicker."""
    found: list[Standing] = []
    for one, accuracy in enumerate(accuracies):
        rivals = [other for other, theirs in enumerate(accuracies) if other != one and theirs >= accuracy]
        if any(quicker(rival, one) for rival in rivals):
            found.append("off")
        else:
            found.append("on" if all(quicker(one, rival) for rival in rivals) else "open")
    return found
