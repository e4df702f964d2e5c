"""What images can be fed to an artifact as, beside the float32 that its network computes with."""

from __future__ import annotations

from typing import Literal, get_args

CarriedAs = Literal["uint8", "float16"]
"""uint8: pixels from 0 to 255, channels last. float16: normalised values of half the size."""
CARRIED_TYPES: tuple[str, ...] = get_args(CarriedAs)
