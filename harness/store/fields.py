"""Types that a record is made of: strict, immutable, and nothing that JSON cannot say."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
)
from pydantic_core import to_json

LARGEST = 2**63 - 1
"""Of what a column of a table can hold."""
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_INTEGERS = tuple(before + b"0" * 19 for before in (b":", b",", b"[", b"-"))
"""How integers begin in JSON that may be too long for 64 bits; floats have as many digits behind their point."""
_FIRST_YEAR, _LAST_YEAR = 1970, 2261


class Part(BaseModel):
    """A part of a record. Unknown fields, coerced types, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _in_utc(moment: datetime) -> datetime:
    # pandas counts nanoseconds in 64 bits, which ends in 2262, and conversions fail at either edge of the calendar.
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"the year {moment.year} is not one that a run can be from")
    return moment.astimezone(timezone.utc)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _finite(value: Any) -> Any:
    """JSON can spell numbers that are too large for a float (1e999) and would be read as infinity, and integers that
    no database, table or other language has room for."""
    # Written by Rust, which is many times quicker than a walk; refuses what is no text or nests without end.
    try:
        text = to_json(value, inf_nan_mode="constants")
    except (ValueError, RecursionError):
        raise ValueError("a text is not valid, or it nests too deeply") from None
    digits_alike = text.translate(_DIGITS_ALIKE)
    if b"NaN" in text or b"Infinity" in text or any(long in digits_alike for long in _LONG_INTEGERS):
        _check_numbers(value)
    return value


def _check_numbers(value: Any) -> None:
    if isinstance(value, int) and not -LARGEST <= value <= 2 * LARGEST + 1:
        raise ValueError("a number does not fit 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_numbers(item)


def _finite_or_none(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }


UtcTime = Annotated[AwareDatetime, AfterValidator(_in_utc), PlainSerializer(_iso, return_type=str, when_used="json")]
"""A moment by the host's wall clock, written as ISO 8601 with its offset: 2026-11-22T10:15:00.000+00:00."""

JsonDict = Annotated[dict[str, JsonValue], AfterValidator(_finite)]
"""Facts whose names depend on the device, runtime or tool that states them; any JSON, but no NaN."""

Metrics = Annotated[dict[str, float | None], BeforeValidator(_finite_or_none)]
"""Numbers by name. null where the number is not finite, such as the PSNR of equal tensors."""

Labels = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$")],
        Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")],
    ],
    Field(max_length=20),
]
"""What a user says of a run in words of their own, by name: `commit`, `branch`, `board`."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Positive = Annotated[int, Field(ge=1, le=LARGEST)]
Whole = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
Milliseconds = Annotated[float, Field(ge=0, le=1e12)]
"""A duration, of thirty years at most."""
