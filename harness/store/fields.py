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


class Part(BaseModel):
    """A part of a record. Unknown fields, coerced types, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _finite(value: Any) -> Any:
    """JSON can spell numbers that are too large for a float (1e999) and would be read as infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _finite(item)
    return value


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

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
