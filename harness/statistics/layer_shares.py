"""Where a model's time goes, as a share of the whole: by layer, or by kind of operator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from latency_bench.harness.units import NS_PER_MS


@dataclass(frozen=True)
class LayerShare:
    """One layer or operator, per request."""

    name: str
    operator: str
    """What the layer does, in the runtime's own word."""
    calls: float
    time_ms: float
    share: float
    """Of all layers together, from 0 to 1."""


def layer_shares(layers: list[dict[str, object]], requests: int) -> list[LayerShare]:
    """From the worker's totals to times a request."""
    rows = [
        (str(layer["name"]), str(layer["operator"]), int(str(layer["calls"])), int(str(layer["total_ns"])))
        for layer in layers
    ]
    total_ns = sum(row[-1] for row in rows) or 1
    return [
        LayerShare(name, operator, calls / requests, ns / requests / NS_PER_MS, ns / total_ns)
        for name, operator, calls, ns in rows
    ]


def by_operator(layers: Iterable[LayerShare]) -> list[LayerShare]:
    """Layers that do the same together, under the operator's name, slowest first."""
    sums: dict[str, LayerShare] = {}
    for layer in layers:
        before = sums.get(layer.operator, LayerShare(layer.operator, layer.operator, 0.0, 0.0, 0.0))
        sums[layer.operator] = dataclasses.replace(
            before,
            calls=before.calls + layer.calls,
            time_ms=before.time_ms + layer.time_ms,
            share=before.share + layer.share,
        )
    return sorted(sums.values(), key=lambda layer: -layer.time_ms)
