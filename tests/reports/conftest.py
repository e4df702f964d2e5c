"""Tables of made-up runs, as harness/store/run_table.py gives them, at no cost of storing them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from latency_bench.harness.identity.run_conditions import conditions_text
from latency_bench.harness.store.columns.registry import columns
from latency_bench.model_specs.catalog import load_spec

if TYPE_CHECKING:
    import pandas as pd

MakeRun = Callable[..., dict[str, Any]]
MakeTable = Callable[..., "pd.DataFrame"]
_FIRST = datetime(2026, 11, 1, tzinfo=timezone.utc)


def _run(model: str, number: int, round_medians_ms: list[float] | None, changes: dict[str, Any]) -> dict[str, Any]:
    """A row of the table; without `round_medians_ms` that of a failed run."""
    spec = load_spec(model)
    device = changes.get("device", "local")
    moment = _FIRST + timedelta(hours=number)
    run_id = f"{moment:%Y%m%dT%H%M%SZ}-{number:06x}"
    row: dict[str, Any] = dict.fromkeys(columns()) | {
        "run_id": run_id,
        "path": f"{device}/{model}/{run_id}",
        "status": "done",
        "started_at": moment,
        "device": device,
        "transport": "local",
        "runner": "worker",
        "model": model,
        "title": spec.title,
        "task": spec.task,
        "dataset": spec.dataset,
        "height": spec.resolution[0],
        "width": spec.resolution[1],
        "batch": 1,
        "precision": "fp32",
        "output": "logits" if spec.task == "segmentation" else None,
        "seeded": True,
        "runtime": "litert",
        "runtime_version": "2.3.0",
        "threads": 2,
        "runtime_options": '{"xnnpack": true}',
        "protocol": "standard",
        "command": f"bench run --model {model}",
        "round_medians_ms": [],
        "round_throughputs_img_s": [],
        "flags": [],
        "throttled": "no",
        "clocks_locked": "no",
    }
    if round_medians_ms is None:
        row |= {
            "status": "failed",
            "failure_stage": "measure",
            "failure_kind": "out-of-memory",
            "failure": "the device has too little memory",
        }
    else:
        median = statistics.median(round_medians_ms)
        several = len(round_medians_ms) > 1
        row |= {
            "latency_covers": "whole request, transfer included",
            "median_ms": median,
            "low_ms": min(round_medians_ms) if several else None,
            "high_ms": max(round_medians_ms) if several else None,
            "confidence": 0.95 if several else None,
            "samples": 100,
            "rounds": len(round_medians_ms),
            "round_medians_ms": round_medians_ms,
            "img_s": changes.get("batch", 1) / median * 1e3,
            "fidelity": True,
        }
    row |= changes
    return row | ({} if "conditions" in changes else {"conditions": _conditions(row)})


def _conditions(row: dict[str, Any]) -> str:
    """Those that a row's other columns tell."""
    return conditions_text(
        {
            "model": {"id": row["model"]},
            "runtime": {"name": row["runtime"] or "", "version": row["runtime_version"] or ""},
            "protocol": {"name": row["protocol"], "latency covers": row["latency_covers"] or ""},
        }
    )


@pytest.fixture
def make_run() -> MakeRun:
    """make_run("b1-seg", [10.0, 10.1, 10.2], device="desk"): a row; later calls are later runs."""
    count = iter(range(10**6))

    def make(model: str, round_medians_ms: list[float] | None = None, /, **changes: Any) -> dict[str, Any]:
        return _run(model, next(count), round_medians_ms, changes)

    return make


@pytest.fixture
def table_of() -> MakeTable:
    """table_of(row, row, ...): the table, latest run first."""

    def make(*rows: dict[str, Any]) -> pd.DataFrame:
        import pandas as pd

        ordered = sorted(rows, key=lambda row: str(row["run_id"]), reverse=True)
        return pd.DataFrame([tuple(row[name] for name in columns()) for row in ordered], columns=list(columns()))

    return make
