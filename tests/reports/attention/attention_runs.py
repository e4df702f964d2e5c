"""Made-up runs of attention as rows of the run table, with latencies that are known exactly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from latency_bench.harness.store.columns.registry import columns


def run_row(number: int, model: str, tokens_or_size: tuple[int, int], median_ms: float | None, **changes: Any) -> Any:
    """A row; None for `median_ms` makes it one that did not fit into memory."""
    row: dict[str, Any] = dict.fromkeys(columns())
    rounds = [] if median_ms is None else list(median_ms * np.array([0.99, 1.0, 1.0, 1.0, 1.01]))
    row |= {
        "run_id": f"20261122T{number:06d}Z-aaaaaa",
        "path": f"local/{model}/x",
        "status": "failed" if median_ms is None else "done",
        "device": "local",
        "model": model,
        "task": "attention" if model.startswith("attn-") else "segmentation",
        "output": None if model.startswith("attn-") else "logits",
        "height": tokens_or_size[0],
        "width": tokens_or_size[1],
        "batch": 1,
        "precision": "fp32",
        "runtime": "litert",
        "runtime_version": None if median_ms is None else "2.3.0",
        "threads": 1,
        "runtime_options": json.dumps({"xnnpack": True}),
        "protocol": "quick",
        "median_ms": median_ms,
        "low_ms": rounds[0] if rounds else None,
        "high_ms": rounds[-1] if rounds else None,
        "rounds": 5 if rounds else None,
        "round_samples": [30 for _ in rounds],
        "round_medians_ms": rounds,
        "peak_rss_bytes": None if median_ms is None else 50e6 + 1e3 * tokens_or_size[0] * tokens_or_size[1],
        "failure_kind": None if rounds else "too-large",
        "failure": None if rounds else "not started",
        **changes,
    }
    return row


def table_of(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """As `load_runs` gives it: latest first."""
    return pd.DataFrame(list(rows), columns=list(columns())).sort_values("run_id", ascending=False)


def example_runs() -> pd.DataFrame:
    """Linear attention takes N/256 ms, softmax (N/256)^2/2 ms, the widened linear form 1.5 times less than that; at
    16,384 tokens softmax does not fit. MACs as they are counted."""
    from latency_bench.harness.attention.matching import macs_of, match
    from latency_bench.model_specs.architectures.attention.subject import Subject, map_of

    rows = []
    for tokens in (256, 1024, 4096, 16384):
        steps, size = tokens / 256, map_of(tokens)
        linear, softmax = (Subject(form, 8, 16, tokens, "module") for form in ("relu-linear", "softmax"))
        multi_scale = Subject("relu-linear", 8, 16, tokens, "module", multi_scale=True)
        found = match(softmax, "widened")
        assert found is not None
        for subject, latency_ms in (
            (linear, steps),
            (multi_scale, 3 * steps),
            (softmax, steps**2 / 2 if tokens < 16384 else None),
            (found.linear, steps**2 / 3),
        ):
            macs = None if latency_ms is None else macs_of(subject)
            rows.append(run_row(len(rows), subject.id, size, latency_ms, macs=macs))
    return table_of(rows)
