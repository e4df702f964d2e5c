"""What a printed number may have been before it was rounded, and what follows for factors of two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """All values that are printed alike: 13.9 stands for what lies between 13.85 and 13.95."""

    low: float
    high: float

    @classmethod
    def of_text(cls, text: str, scale: float = 1.0) -> Range:
        """Of a printed number. Raises ValueError for other text."""
        value = float(text)
        mantissa, _, exponent = text.strip().lower().partition("e")
        decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
        half = 0.5 * 10.0**-decimals
        return cls((value - half) * scale, (value + half) * scale)

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    def meets(self, other: Range) -> bool:
        """Whether one value may stand behind both; what lies on the edge of a rounding does."""
        room = 1e-9 * max(abs(self.high), abs(other.high), 1e-12)
        return self.low <= other.high + room and other.low <= self.high + room

    def combined(self, other: Range, of: Callable[[float, float], float]) -> Range:
        """Of all values that a function of two, monotonous in each, may have."""
        ends = [of(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return Range(min(ends), max(ends))
