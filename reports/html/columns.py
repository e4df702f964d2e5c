"""All runs as columns: what the page's table, filters and charts read. Texts are numbered, so that each is there once.

A column of texts is `{"texts": [...], "index": [...]}` with -1 for null; any other is `{"values": [...]}` with null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.reports.plots.plot_selection import CASE, case_name, setting_of
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.reports.evidence import Run

TEXTS = (
    "status",
    "device",
    "transport",
    "runner",
    "processor",
    "model",
    "title",
    "family",
    "task",
    "dataset",
    "precision",
    "output",
    "runtime",
    "runtime_version",
    "runtime_options",
    "protocol",
    "command",
    "latency_covers",
    "artifact_format",
    "artifact_sha256",
    "throttled",
    "clocks_locked",
    "failure_stage",
    "failure_kind",
    "failure",
)
NUMBERS = (
    "height",
    "width",
    "batch",
    "threads",
    "median_ms",
    "low_ms",
    "high_ms",
    "confidence",
    "samples",
    "rounds",
    "h2d_ms",
    "compute_ms",
    "d2h_ms",
    "img_s",
    "throughput_img_s",
    "streams",
    "peak_rss_bytes",
    "joules_per_image",
    "params",
    "macs",
    "artifact_bytes",
)
TRUTHS = ("seeded", "fidelity")
SETTING, MEASURED = CASE[:6], CASE[6:]
"""Columns that say how a run measured, and what."""
_DIGITS = 10
"""Significant ones: enough for a count of bytes, far more than a latency has."""


def encode_runs(runs: pd.DataFrame) -> dict[str, Any]:
    """The columns of harness/store/run_table.py that the page uses, rows in their order.

    Besides: `started_ms` since the epoch, `flags` as one text with a line each, and for people `setting` (how it was
    measured) and `case` (what was).
    """
    columns: dict[str, Any] = {"run_id": {"values": [str(run_id) for run_id in runs["run_id"]]}}
    columns["started_ms"] = {"values": _milliseconds(runs["started_at"])}
    columns.update({name: _texts(runs[name]) for name in TEXTS})
    columns.update({name: {"values": _numbers(runs[name])} for name in NUMBERS})
    columns.update({name: {"values": [_truth(value) for value in runs[name]]} for name in TRUTHS})
    columns["flags"] = _texts("\n".join(map(str, flags)) for flags in runs["flags"])
    columns["round_medians_ms"] = {"values": [_numbers(medians) for medians in runs["round_medians_ms"]]}
    columns["setting"] = _named(runs, SETTING, lambda row: setting_of(row).label())
    columns["case"] = _named(runs, MEASURED, case_name)
    return {"count": len(runs), "columns": columns}


def is_known(value: Any) -> bool:
    """Whether a cell has a value: pandas writes null as None, NaN or NaT, by the column's other cells."""
    return value is not None and value == value


def _named(runs: pd.DataFrame, by: Sequence[str], name: Callable[[Run], str]) -> dict[str, Any]:
    """A text for every row, made once for each combination of the columns `by`."""
    groups = runs.groupby(list(by), dropna=False, sort=False).ngroup()
    firsts = rows_of(runs.loc[~groups.duplicated(), list(by)])
    names = dict(zip(groups.drop_duplicates().tolist(), map(name, firsts), strict=True))
    return _texts(names[group] for group in groups.tolist())


def _texts(values: Iterable[Any]) -> dict[str, Any]:
    numbers: dict[str, int] = {}
    index = [numbers.setdefault(str(value), len(numbers)) if is_known(value) else -1 for value in values]
    return {"texts": list(numbers), "index": index}


def _numbers(values: Iterable[Any]) -> list[float | int | None]:
    return [_short(float(value)) if is_known(value) else None for value in values]


def _short(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) < 2**53:
        return int(value)
    return float(f"{value:.{_DIGITS}g}")


def _truth(value: Any) -> bool | None:
    return bool(value) if is_known(value) else None


def _milliseconds(moments: pd.Series[Any]) -> list[int]:
    import pandas as pd

    return [int(moment.timestamp() * 1000) for moment in pd.to_datetime(moments, utc=True)]
