"""Numbers and foreign text as tables print them; plain text, no markup."""

from __future__ import annotations

from latency_bench.harness.number_text import decimals_for, interval

MISSING = "–"
"""Where there is nothing to say."""
RATIO_DIGITS = 3
_HIDDEN = "\N{REPLACEMENT CHARACTER}"


def one_line(text: str, length: int = 2000) -> str:
    """Text of a device, file or tool on one line of at most `length`, without control characters and without the ones
    that turn the direction of writing around."""
    words = " ".join(text.split())
    shown = "".join(letter if letter.isprintable() else _HIDDEN for letter in words)
    return shown if len(shown) <= length else f"{shown[: length - 3]}..."


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """`252.4 [251.0, 253.9]`, all with the same decimals; the number alone where it has no interval."""
    return _bracketed(value, low, high, decimals_for(value), "")


def ratio(value: float, low: float | None = None, high: float | None = None) -> str:
    """`3.80× [3.71, 3.92]`."""
    return _bracketed(value, low, high, decimals_for(value, RATIO_DIGITS), "×")


def _bracketed(value: float, low: float | None, high: float | None, decimals: int, unit: str) -> str:
    return f"{value:.{decimals}f}{unit} {interval(low, high, decimals)}".rstrip()
