"""JSON of a device or a tool: what is wrong with it is one ValueError; its numbers are finite and fit 64 bits."""

from __future__ import annotations

import json
import math
from typing import Any

from latency_bench.devices.numerals import LARGEST

_LONGEST_NUMERAL = 400
"""Digits. C++ prints the largest float64 with 309 of them where it uses no exponent."""


def parse_json(text: str, *, finite: bool = True) -> Any:
    """The value of `text`. Raises ValueError for what is no JSON, nests too deeply, names a field of an object twice,
    or holds a number beyond 64 bits. NaN and infinities are refused too unless `finite` is False."""

    def real(numeral: str) -> float:
        value = float(numeral) if len(numeral) <= _LONGEST_NUMERAL else math.inf
        if finite and not math.isfinite(value):
            raise ValueError(f"the number {numeral[:40]} is not finite")
        return value

    try:
        value = json.loads(text, parse_int=_integer, parse_float=real, parse_constant=real, object_pairs_hook=_object)
        if "\\ud" in text.lower():
            # Half a character (\ud800 alone) is text for Python, and cannot be written to any file.
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    return value


def _integer(numeral: str) -> int:
    value = int(numeral) if len(numeral) <= len(str(LARGEST)) + 1 else None
    if value is None or not -LARGEST <= value <= LARGEST:
        raise ValueError(f"the number {numeral[:40]} does not fit 64 bits")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands there twice")
    return fields
