"""In which numbers the layers with weights (convolutions, linear layers) really compute, as a runtime tells it."""

from collections import OrderedDict
from typing import Any, Dict, NamedTuple, Sequence


class WeightedLayers(NamedTuple):
    """`precisions` counts the layers by numpy's name of what they compute in; `conversions` are the nodes of the graph
    that do nothing but change from one number format or memory layout to another."""

    precisions: Dict[str, int]
    conversions: int

    @classmethod
    def of(cls, precisions: Sequence[str], conversions: int) -> "WeightedLayers":
        """From the precision of each layer."""
        counts: Dict[str, int] = OrderedDict()
        for precision in sorted(precisions):
            counts[precision] = counts.get(precision, 0) + 1
        return cls(counts, conversions)

    def to_json(self) -> Dict[str, Any]:
        return OrderedDict(self._asdict())
