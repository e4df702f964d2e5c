"""When a claim holds. The rule is stated for readers in docs/reports.md."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["holds", "holds in direction", "does not hold", "not measured"]
NEAR = 0.9
"""Of the published factor: a factor below it does not pass for the published one, however wide its interval is."""


def printed_as(text: str) -> float:
    """The smallest factor that is printed like this, half a unit of the last digit below: 13.85 for `13.9`, 12.5 for
    `13`. Of a range its lower end. Raises ValueError for other text."""
    first = text.partition("-")[0].strip()
    decimals = len(first.partition(".")[2])
    return float(first) - 0.5 * 10.0**-decimals


COUNTED_TOLERANCE = 0.03
"""The paper's MACs have two or three digits, so that a quotient of two of them may be off by this much."""


def judge_counted(published: str, factor: float) -> Verdict:
    """The verdict on a factor of MACs, which are counted and have no interval: `holds` from 3 % below the published
    one."""
    if factor <= 1:
        return "does not hold"
    return "holds" if factor >= printed_as(published) * (1 - COUNTED_TOLERANCE) else "holds in direction"


def judge(published: str, factor: float, low: float | None = None, high: float | None = None) -> Verdict:
    """The verdict on a measured factor with its interval, where there is one.

    `holds`: the factor is at least the published one, or within 10 % of it with an interval that reaches it; and the
    whole interval is above 1. `holds in direction`: the whole interval is above 1. Without an interval the factor
    stands for it.
    """
    least = printed_as(published)
    if (factor if low is None else low) <= 1:
        return "does not hold"
    reaches = factor >= least or (high is not None and high >= least and factor >= NEAR * least)
    return "holds" if reaches else "holds in direction"
