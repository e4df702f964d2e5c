"""Conditions: what has to be the same about a machine for two latencies to be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Scalar = str | int | float | bool
_LONGEST = 200


@dataclass(frozen=True)
class Conditions:
    """What a probe says has to be equal. Names are words for people; what is not known is absent."""

    device: Mapping[str, Scalar] = field(default_factory=dict)
    """What the machine is: processor, SoC, phone, module, GPU, memory."""
    system: Mapping[str, Scalar] = field(default_factory=dict)
    """The state that it was in: kernel, governor, limits of the clocks, power mode, driver, screen, charger."""

    @classmethod
    def of(cls, device: object = None, system: object = None) -> Conditions:
        """From values that nobody has checked: lists become one text, other values that are no scalar are left out."""
        return cls(_plain(device), _plain(system))


def part(facts: object, name: str) -> dict[str, Any]:
    """The facts under `name`, {} where there are none: facts come from records, in which they may have any shape."""
    found = facts.get(name) if isinstance(facts, Mapping) else None
    return found if isinstance(found, dict) else {}


def gigabytes(size_bytes: object) -> str | None:
    """`25.3 GB`. A kernel keeps some megabytes for itself, and another kernel others: that is no other machine."""
    known = isinstance(size_bytes, (int, float)) and not isinstance(size_bytes, bool) and 0 < size_bytes < 1e18
    return f"{float(size_bytes) / 1e9:.1f} GB" if known else None  # type: ignore[arg-type]


def _plain(values: object) -> dict[str, Scalar]:
    if not isinstance(values, Mapping):
        return {}
    scalars = {str(name)[:_LONGEST]: _scalar(value) for name, value in values.items()}
    return {name: value for name, value in scalars.items() if value is not None}


def _scalar(value: object) -> Scalar | None:
    if isinstance(value, (list, tuple)):
        words = [str(word) for item in value if (word := _scalar(item)) is not None]
        return ", ".join(words)[:_LONGEST] or None
    if isinstance(value, str):
        return value[:_LONGEST] or None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float)) else None
