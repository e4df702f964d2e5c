"""Numbers in text that a device, a tool or a file gave: the one place where such text becomes a number.

Python's own `int` and `float` take more than a tool prints (`1_000`, `nan`, `1e400`, Arabic-Indic digits, a million
digits), and what they refuse is a ValueError far from the text. Here a number is finite, in ASCII, and fits 64 bits.
"""

from __future__ import annotations

import math
import re

LARGEST = 2**63 - 1
"""Of what a column, a database and another language can hold."""
_DIGITS = 40
_MOST_CPUS = 65536
NUMBER = rf"[-+]?(?:[0-9]{{1,{_DIGITS}}}(?:\.[0-9]{{0,{_DIGITS}}})?|\.[0-9]{{1,{_DIGITS}}})(?:[eE][-+]?[0-9]{{1,3}})?"
"""Pattern of a number, for use inside of others. Bounded, so that no text makes a search slow."""
_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{_DIGITS}}}")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]{1,16}")


def integer(text: str | None) -> int | None:
    """The integer that `text` is, white space around it aside; None for anything else and for more than 64 bits."""
    if text is None or not _INTEGER.fullmatch(plain := text.strip()):
        return None
    value = int(plain)
    return value if -LARGEST <= value <= LARGEST else None


def count(text: str | None) -> int | None:
    """The integer of at least 0 that `text` is; None for anything else."""
    value = integer(text)
    return value if value is not None and value >= 0 else None


def number(text: str | None) -> float | None:
    """The finite number that `text` is, white space around it aside; None for anything else."""
    if text is None or not re.fullmatch(NUMBER, plain := text.strip()):
        return None
    value = float(plain)
    return value if math.isfinite(value) and abs(value) <= LARGEST else None


def hexadecimal(text: str | None) -> int | None:
    """The value of `0x...`, 64 bits at most; None for anything else."""
    return int(plain, 16) if text is not None and _HEXADECIMAL.fullmatch(plain := text.strip()) else None


def cpu_list(text: str | None) -> tuple[int, ...] | None:
    """Numbers of processors as Linux lists them, `0-3,6`, ascending; None for anything else."""
    numbers: set[int] = set()
    for part in (text or "").strip().split(","):
        low, dash, high = part.partition("-")
        first, last = count(low), count(high if dash else low)
        if first is None or last is None or not first <= last < _MOST_CPUS:
            return None
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))
