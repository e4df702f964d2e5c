"""The linear attention that costs as many MACs as a quadratic one at the same number of tokens.

The paper compares "with similar computation" and does not say how it was made similar. Here the linear form is either
widened, to more heads of the same dimension, or repeated, a module or block after the other. Which one, and by how much
the MACs still differ, is stated beside every number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from latency_bench.model_specs.architectures.attention.subject import MOST_MACS_DIFFERENCE, Subject

How = Literal["widened", "repeated"]
MOST_HEADS = 20_000


@dataclass(frozen=True)
class Match:
    """`linear` costs `macs`, the quadratic form `target_macs`."""

    linear: Subject
    macs: int
    target_macs: int

    @property
    def difference(self) -> float:
        """Of the MACs, relative to the quadratic form's: -0.02 is 2 % fewer."""
        return self.macs / self.target_macs - 1


def match(quadratic: Subject, how: How, multi_scale: bool = False) -> Match | None:
    """As `nearest`, but None where that is not within MOST_MACS_DIFFERENCE."""
    found = nearest(quadratic, how, multi_scale)
    return found if found is not None and abs(found.difference) <= MOST_MACS_DIFFERENCE else None


def nearest(quadratic: Subject, how: How, multi_scale: bool = False) -> Match | None:
    """The linear form nearest in MACs, of the same scope, tokens and head dimension: heads and repeats are whole
    numbers, and small models have few, so that it may be far. None where more than MOST_HEADS heads would be needed, or
    a core repeated.
    """
    linear = replace(quadratic, form="relu-linear", multi_scale=multi_scale)
    target_macs = macs_of(quadratic)
    if how == "widened":
        return _widened(linear, target_macs)
    return _repeated(linear, target_macs) if linear.scope != "core" else None


@cache
def macs_of(subject: Subject) -> int:
    """By the project's own counting, as in every record."""
    from latency_bench.model_specs.architectures.attention.spec import attention_spec
    from latency_bench.model_specs.counting import count

    return count(attention_spec(subject.id)).macs


def _repeated(linear: Subject, target_macs: int) -> Match:
    repeats = max(1, round(target_macs / macs_of(linear)))
    found = replace(linear, repeats=repeats)
    return Match(found, repeats * macs_of(linear), target_macs)


def _widened(linear: Subject, target_macs: int) -> Match | None:
    """The nearest number of heads, by bisection: MACs grow with every head."""
    low, high = 1, MOST_HEADS
    if macs_of(replace(linear, heads=high)) < target_macs:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if macs_of(replace(linear, heads=middle)) >= target_macs else (middle, high)
    found = min(
        (replace(linear, heads=heads) for heads in (low, high)), key=lambda one: abs(macs_of(one) - target_macs)
    )
    return Match(found, macs_of(found), target_macs)
