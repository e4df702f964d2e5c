"""Ranks that claim no more than was shown: places that each may take, and groups among which no difference is shown.

A comparison of two says that one is better, or that neither was shown to be. Who is the best needs every comparison
with the others to be shown, and so no correction for their number: the claim is an intersection-union test (Berger,
"Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 1982).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

ShownBetter = Callable[[int, int], bool]
"""Whether the first of two, by their numbers, is shown to be better than the second."""


def shown_best(order: Sequence[int], better: ShownBetter) -> int | None:
    """The first of `order` where it is shown to be better than each of the others; None where it is not, or alone."""
    if len(order) < 2:
        return None
    first, *others = order
    return first if all(better(first, other) for other in others) else None


def rank_ranges(order: Sequence[int], better: ShownBetter) -> dict[int, tuple[int, int]]:
    """The first and the last place that each may have, counted from 1: before the first stand those that are shown to
    be better, behind the last those that are shown to be worse."""
    ranges = {}
    for one in order:
        ahead = sum(better(other, one) for other in order if other != one)
        behind = sum(better(one, other) for other in order if other != one)
        ranges[one] = 1 + ahead, len(order) - behind
    return ranges


def ties(order: Sequence[int], better: ShownBetter) -> list[list[int]]:
    """Neighbours in `order` among which no difference is shown, in groups as large as they can be, which may overlap;
    nobody who is alone."""
    groups: list[list[int]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(
            better(one, order[end]) or better(order[end], one) for one in order[start:end]
        ):
            end += 1
        if end - start > 1 and end > reached:
            groups.append(list(order[start:end]))
            reached = end
    return groups
