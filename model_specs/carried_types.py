"""What images can be fed to an artifact as, beside the float32 that its network computes with."""

from __future__ import annotations

from typing import Literal, get_args

CarriedAs = Literal["uint8", "float16"]
"""uint8: pixels from 0 to 255, channels last. float16: normalised values of half the size."""
CARRIED_TYPES: tuple[str, ...] = get_args(CarriedAs)
OWN_TYPE: Literal["float32"] = "float32"
"""The word for what the network itself computes with, where a list of types names it too."""
InputType = Literal["float32", "uint8", "float16"]
INPUT_TYPES: tuple[str, ...] = get_args(InputType)
