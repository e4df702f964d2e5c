"""Numbers as people read them: four significant digits, a fixed point, and units that suit the size."""

from __future__ import annotations

import math
from collections.abc import Sequence

_DIGITS = 4
_MOST_DECIMALS = 6
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def decimals_for(value: float, digits: int = _DIGITS) -> int:
    """Decimals that give a number so many significant digits, at most six: of milliseconds a nanosecond."""
    return min(_MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value))))) if value else digits - 1


def decimals_by_interval(value: float, low: float | None, high: float | None) -> int:
    """As many decimals as the interval bears: half of its width has two significant digits (JCGM 100:2008, 7.2.6). A
    number without an interval has three."""
    if low is None or high is None or not high > low:
        return decimals_for(value, 3)
    return min(_MOST_DECIMALS, max(0, 1 - math.floor(math.log10((high - low) / 2))))


def number_text(value: float, digits: int = _DIGITS) -> str:
    """`252.4`, `18050`, `0.0123`: with a power of ten only where a number is too small for six decimals."""
    if value and abs(value) < 10.0 ** (1 - _MOST_DECIMALS):
        return f"{value:.{digits - 1}e}"
    return f"{value:.{decimals_for(value, digits)}f}"


def interval(low: float | None, high: float | None, decimals: int) -> str:
    """`[251.0, 253.9]`, in the unit and with the decimals of the number it stands beside; empty where there is none."""
    return "" if low is None or high is None else f"[{low:.{decimals}f}, {high:.{decimals}f}]"


def _ratio_decimals(ratio: float, low: float | None, high: float | None) -> int:
    """Three, and more where its interval is narrower or a small ratio would not have three digits: 0.0130."""
    return max(3, decimals_for(ratio, 3), decimals_by_interval(ratio, low, high))


def ratio_text(ratio: float, low: float | None = None, high: float | None = None) -> str:
    """`1.012 (0.998 to 1.027)`, or the ratio alone."""
    decimals = _ratio_decimals(ratio, low, high)
    known = "" if low is None or high is None else f" ({low:.{decimals}f} to {high:.{decimals}f})"
    return f"{ratio:.{decimals}f}{known}"


def ratio_cells(ratio: float, low: float | None = None, high: float | None = None) -> tuple[str, str]:
    """`1.012` and `[0.998, 1.027]`, with the decimals of `ratio_text`; the second is empty without an interval."""
    decimals = _ratio_decimals(ratio, low, high)
    return f"{ratio:.{decimals}f}", interval(low, high, decimals)


def ratio_with_interval(ratio: float, low: float | None = None, high: float | None = None) -> str:
    """`1.012 [0.998, 1.027]`, or the ratio alone."""
    return " ".join(ratio_cells(ratio, low, high)).rstrip()


def ratio_words(ratio: float, low: float | None, high: float | None) -> str:
    """`ratio 1.012 (0.998 to 1.027)`."""
    return f"ratio {ratio_text(ratio, low, high)}"


def rounds_by_requests(counts: Sequence[int]) -> str:
    """`4 × 30`, or `4 × 7 to 12` where the rounds differ: how much a latency rests on."""
    if not counts:
        return ""
    least, most = min(counts), max(counts)
    return f"{len(counts)} × {least}" + (f" to {most}" if most > least else "")


def byte_size(size_bytes: float) -> str:
    """`812 MiB`: powers of 1024, three significant digits."""
    for unit in _BINARY[:-1]:
        if abs(size_bytes) < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" or size_bytes >= 100 else f"{size_bytes:.3g} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.3g} {_BINARY[-1]}"


def scaled(count: float) -> str:
    """`9.11 M`, `5.2 G`: powers of 1000, three significant digits."""
    for unit in ("", "k", "M", "G"):
        if abs(count) < 1000:
            return f"{count:.3g} {unit}".rstrip()
        count /= 1000
    return f"{count:.4g} T"
