"""How numbers and foreign text are written for people."""

from __future__ import annotations

from latency_bench.harness.number_text import decimals_for


def milliseconds(value_ms: float, decimals: int | None = None) -> str:
    """`252.4 ms`."""
    return f"{value_ms:.{decimals_for(value_ms) if decimals is None else decimals}f} ms"


def counted(count: int, singular: str) -> str:
    """`1 round`, `3 rounds`."""
    return f"{count} {singular}" if count == 1 else f"{count} {singular}s"


def printable(text: str) -> str:
    """Text of a device, file or tool, on one line and without anything a terminal would obey."""
    if text.isprintable():  # nearly all is, and a list may have a hundred thousand lines
        return text
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
