"""The first layer whose output is not finite: what to look at where half precision overflowed."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class NonFinite(NamedTuple):
    """Of one output of one layer, the values that are NaN or infinite, and all of them."""

    layer: str
    operator: str
    nan_count: int
    infinite_count: int
    value_count: int

    def to_json(self) -> Dict[str, Any]:
        return OrderedDict(self._asdict())


def count_non_finite(array: "np.ndarray") -> "tuple[int, int]":
    """(NaN, infinite) values; none in an array of whole numbers."""
    import numpy as np

    if array.dtype.kind != "f":
        return 0, 0
    not_a_number, infinite = np.isnan(array), np.isinf(array)
    return int(np.count_nonzero(not_a_number)), int(np.count_nonzero(infinite))
