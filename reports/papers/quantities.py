"""What a published column is of, and the units that it may be printed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Quantity = Literal["latency", "throughput", "params", "macs", "accuracy"]

UNITS: Mapping[str, Mapping[str, float]] = {
    "latency": {"ms": 1.0, "us": 1e-3, "s": 1e3},
    "throughput": {"img/s": 1.0},
    "params": {"M": 1.0, "K": 1e-3},
    "macs": {"G": 1.0, "M": 1e-3},
    "accuracy": {"%": 1.0},
}
"""By quantity, its units and what one of each is in the first, which is the one that figures are compared in."""
SMALLER_IS_BETTER = frozenset({"latency", "macs", "params"})
