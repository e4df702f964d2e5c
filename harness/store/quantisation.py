"""How much of a model computes in integers, from what runtime and export say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Quantisation(NamedTuple):
    """What is known of one run; None: not told."""

    weighted_layers: int | None = None
    """Convolutions and linear layers of the graph that the runtime made."""
    integer_layers: int | None = None
    """Those of them that compute in int8."""
    conversions: int | None = None
    """Nodes that do nothing but change from one number format or memory layout to another."""
    calibration: str | None = None
    """What the ranges of activations come from: `seeded` or `brought`."""

    @classmethod
    def of_facts(cls, runtime: Any, artifact: Any) -> Quantisation:
        """From the facts of the runtime and of the export, which may have any shape."""
        told = _mapping(_mapping(runtime).get("weighted_layers"))
        counts = {name: count for name, count in _mapping(told.get("precisions")).items() if _is_count(count)}
        source = _mapping(_mapping(artifact).get("calibration")).get("source")
        conversions = told.get("conversions")
        return cls(
            weighted_layers=sum(counts.values()) if counts else None,
            integer_layers=counts.get("int8", 0) if counts else None,
            conversions=conversions if _is_count(conversions) else None,
            calibration=source if isinstance(source, str) else None,
        )

    def text(self) -> str | None:
        """`58 of 60 layers with weights compute in int8, with 118 conversions between them`; None: not told."""
        if self.weighted_layers is None:
            return None
        between = "" if self.conversions is None else f", with {self.conversions} conversions around them"
        return f"{self.integer_layers} of {self.weighted_layers} layers with weights compute in int8{between}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
