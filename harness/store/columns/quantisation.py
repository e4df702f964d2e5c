"""How much of the model computes in int8."""

from __future__ import annotations

from typing import Any

from latency_bench.harness.store.columns.column import Column, Kind
from latency_bench.harness.store.quantisation import Quantisation


def _column(name: str, meaning: str, kind: Kind, title: str) -> Column:
    def value(runtime: Any, artifact: Any) -> Any:
        return getattr(Quantisation.of_facts(runtime, artifact), name)

    return Column(name, meaning, kind, ("runtime.facts", "artifact.facts"), value, title=title)


COLUMNS = (
    _column(
        "weighted_layers",
        "Layers with weights of the graph that ran, where the runtime tells.",
        "integer",
        "layers with weights",
    ),
    _column("integer_layers", "Those of them that compute in int8.", "integer", "layers in int8"),
    _column("conversions", "Nodes that only convert between number formats or layouts.", "integer", "conversions"),
    _column("calibration", "What int8's ranges of activations come from: seeded or brought.", "text", "calibration"),
)
