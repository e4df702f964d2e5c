"""How numbers and foreign text are written for people."""

from __future__ import annotations

import math

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
_LATENCY_DIGITS = 4


def decimals_of_ms(median_ms: float) -> int:
    """Decimals that give a duration in milliseconds four significant digits; a picosecond is never claimed."""
    if median_ms <= 0:
        return _LATENCY_DIGITS - 1
    return min(6, max(0, _LATENCY_DIGITS - 1 - math.floor(math.log10(median_ms))))


def milliseconds(value_ms: float, decimals: int | None = None) -> str:
    """`252.4 ms`."""
    return f"{value_ms:.{decimals_of_ms(value_ms) if decimals is None else decimals}f} ms"


def interval(low_ms: float | None, high_ms: float | None, decimals: int) -> str:
    """`[251.0, 253.9]`, in the unit of the number it stands beside; empty where there is none."""
    return "" if low_ms is None or high_ms is None else f"[{low_ms:.{decimals}f}, {high_ms:.{decimals}f}]"


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


def counted(count: int, singular: str) -> str:
    """`1 round`, `3 rounds`."""
    return f"{count} {singular}" if count == 1 else f"{count} {singular}s"


def printable(text: str) -> str:
    """Text of a device, file or tool, on one line and without anything a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
