"""The runs of a store as the atlas sees them: latencies at batch 1 by model and size, and on which kind of device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from latency_bench.harness.identity.run_conditions import read_conditions
from latency_bench.harness.identity.setting import Setting

Run = Mapping[str, Any]
"""A row of the run table by column."""


def kind_of(row: Run) -> str:
    """phone, board, gpu or cpu: what a run was computed on, as its conditions say."""
    facts = read_conditions(row["conditions"]).get("device", {})
    if "module" in facts:
        return "board"
    if "GPU" in facts:
        return "gpu"
    return "phone" if "phone" in facts or "SoC" in facts else "cpu"


def latest_by_setting(rows: Iterable[Run]) -> dict[Setting, dict[tuple[str, str], Run]]:
    """By setting, the latest run with numbers of each model at each size, at batch 1. `rows`: latest first."""
    found: dict[Setting, dict[tuple[str, str], Run]] = {}
    for row in rows:
        if row["status"] == "failed" or row["median_ms"] is None or row["batch"] != 1:
            continue
        if row["output"] not in (None, "logits"):
            continue
        of_setting = found.setdefault(Setting.of_row(row), {})
        of_setting.setdefault((row["model"], f"{row['height']:g}x{row['width']:g}"), row)
    return found
