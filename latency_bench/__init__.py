"""Latency and throughput of vision models on phones, Jetsons, GPUs and CPUs.

The repository keeps its parts side by side at the top (`harness/`, `devices/`, `model_specs/`, `reports/`); links in
this folder give them the one name under which they are installed and imported.

    import latency_bench as bench

    run = bench.run("b1-seg", runtime="onnxruntime")
    run.latency_ms, run.interval_ms, run.samples

docs/python.md shows all that scripts and notebooks have here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.harness.python_api.measuring import MeasurementFailedError, pair, run
    from latency_bench.harness.python_api.results import Accuracy, Pair, Run
    from latency_bench.harness.python_api.stored import compare, find, pairs, plot, runs
    from latency_bench.harness.python_api.tables import ShownTable, table

__all__ = [
    "Accuracy",
    "MeasurementFailedError",
    "Pair",
    "Run",
    "ShownTable",
    "compare",
    "find",
    "pair",
    "pairs",
    "plot",
    "run",
    "runs",
    "table",
]

_HOMES = {
    "Accuracy": "results",
    "MeasurementFailedError": "measuring",
    "Pair": "results",
    "Run": "results",
    "ShownTable": "tables",
    "compare": "stored",
    "find": "stored",
    "pair": "measuring",
    "pairs": "stored",
    "plot": "stored",
    "run": "measuring",
    "runs": "stored",
    "table": "tables",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line has to start at once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'latency_bench' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"latency_bench.harness.python_api.{_HOMES[name]}"), name)
