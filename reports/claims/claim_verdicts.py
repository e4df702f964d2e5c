"""What an interval says of a published factor. The rule is stated for readers in docs/reports.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from latency_bench.reports.papers.paper_file import ClaimFields

Verdict = Literal[
    "reproduced",
    "same direction, larger",
    "same direction, smaller",
    "same direction, size undecided",
    "undecided",
    "contradicted",
]
MARGIN = 1.10
"""By which factor a measured factor may lie above or below the published one and still be the same."""


_AS_FACTOR: Mapping[str, Callable[[float], float]] = {
    "less": lambda percent: 1 / (1 - percent / 100),
    "more": lambda percent: 1 + percent / 100,
    "share": lambda share: 1 / share,
}
_WORDS = {"less": " % less", "more": " % more", "share": " of it"}


@dataclass(frozen=True)
class PublishedFactor:
    """What the paper states: one number, a range, or only that it is above 1 (`high` is infinite then)."""

    low: float
    high: float
    text: str
    """For a table: `13.9×`."""

    @classmethod
    def parse(cls, printed: str) -> PublishedFactor:
        """Of `13.9`, `3.3-4.5`, `>1` or `>=1`. Raises ValueError for other text."""
        if printed in (">1", ">=1"):
            return cls(1.0, math.inf, {">1": "> 1×", ">=1": "≥ 1×"}[printed])
        first, _, last = printed.partition("-")
        return cls(float(first), float(last or first), f"{printed}×")

    @classmethod
    def of_claim(cls, claim: ClaimFields) -> PublishedFactor:
        """As a factor in the subject's favour: 40 % less of something is 1.67 times as little."""
        stated = cls.parse(claim.factor)
        if claim.says == "factor":
            return stated
        if claim.says == "difference":
            return cls(stated.low, stated.high, f"{claim.factor} points")
        ends = sorted(_AS_FACTOR[claim.says](end) for end in (stated.low, stated.high))
        return cls(ends[0], ends[-1], f"{claim.factor}{_WORDS[claim.says]}")

    def relative(self, low: float, high: float) -> tuple[float, float] | None:
        """An interval in units of the published factor: deviations beyond it are ruled out. Of a published range the
        ends that leave most room; None where no number is published."""
        return None if math.isinf(self.high) else (low / self.high, high / self.low)


def judge(published: PublishedFactor, low: float, high: float, margin: float = MARGIN) -> Verdict:
    """The verdict on a factor that lies between `low` and `high`, which are equal for what is counted.

    An interval that holds 1 decides nothing, whatever it holds besides. One that lies wholly above 1 is *reproduced*
    where it lies inside the published factor ×/÷ `margin`, and *larger* or *smaller* where it lies wholly outside.
    """
    if high < 1:
        return "contradicted"
    if low <= 1:
        return "undecided"
    least, most = published.low / margin, published.high * margin
    if least <= low and high <= most:
        return "reproduced"
    if low > most:
        return "same direction, larger"
    if high < least:
        return "same direction, smaller"
    return "same direction, size undecided"


def tone_of(verdict: Verdict) -> Literal["good", "bad", "open"]:
    """Whether it speaks for the claim, against it, or neither."""
    if verdict == "contradicted":
        return "bad"
    return "open" if verdict == "undecided" else "good"


def verdicts_explained(margin: float) -> str:
    """The rule in words, for below a table."""
    return (
        f"reproduced: the interval is above 1, and inside the published factor ×/÷ {margin:.2f}. same direction: it is "
        "above 1, and wholly above that (larger), wholly below it (smaller), or neither (size undecided). undecided: "
        "it holds 1. contradicted: it is wholly below 1. There is no verdict without an interval, and none on a "
        "network that is not the paper's."
    )
