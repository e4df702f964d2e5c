"""Times of layers, gathered call by call."""

from collections import OrderedDict
from typing import Dict, List, Tuple

from .base import LayerTime


class LayerTimes:
    """Calls of one name and operator are one layer."""

    def __init__(self) -> None:
        self._times_ns: Dict[Tuple[str, str], List[int]] = OrderedDict()

    def add(self, name: str, operator: str, elapsed_ns: int) -> None:
        """One call."""
        self._times_ns.setdefault((name, operator), []).append(elapsed_ns)

    def slowest_first(self) -> List[LayerTime]:
        """By the time of all calls together."""
        layers = [LayerTime(*key, calls=len(each), total_ns=sum(each)) for key, each in self._times_ns.items()]
        return sorted(layers, key=lambda layer: -layer.total_ns)
