"""The number format that a file of the user's carries, read from the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

UNKNOWN = "unknown"
"""Of a file that nothing on this computer reads."""
OF_TYPE = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
"""By numpy's name of a type. Other files are called by the type itself: `int64`, `bool`."""


def precision_of(weights: Mapping[str, int], tensors: Iterable[str]) -> str:
    """The floating-point type that most of the weights have (`weights`: how many values by type); without weights, that
    of the inputs and outputs (`tensors`: their types in order); without any, the type of the first of them."""
    floats = {dtype: count for dtype, count in weights.items() if dtype in OF_TYPE and count}
    if floats:
        return OF_TYPE[max(floats, key=lambda dtype: floats[dtype])]
    types = list(tensors)
    return next((OF_TYPE[dtype] for dtype in types if dtype in OF_TYPE), types[0] if types else "fp32")
