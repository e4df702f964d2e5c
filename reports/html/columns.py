"""All runs as columns: what the page's table, filters and charts read. Texts are numbered, so that each is there once.

A column of texts is `{"texts": [...], "index": [...]}` with -1 for null; any other is `{"values": [...]}` with null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import SETTING_COLUMNS, Setting
from latency_bench.harness.identity.workload import WORKLOAD_COLUMNS, Workload
from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import columns
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.reports.evidence import Run

LEFT_OUT = frozenset({"path", "case", "conditions"})
"""The folder is that of device, model and run; the page's own `case` is what was measured, in words; conditions are
made of what a run's details show."""
_DIGITS = 10
"""Significant ones: enough for a count of bytes, far more than a latency has."""


def encode_runs(runs: pd.DataFrame) -> dict[str, Any]:
    """Every column as the page has it, rows in their order, and what was declared of each: moments are milliseconds
    since the epoch, lists of texts one text with a line each. Besides, for people, `setting` (how it was measured) and
    `case` (what was)."""
    shown = [column for column in columns().values() if column.name not in LEFT_OUT]
    encoded = {column.name: _encoded(column, runs[column.name]) for column in shown}
    encoded["setting"] = _named(runs, SETTING_COLUMNS, lambda row: Setting.of_row(row).label())
    encoded["case"] = _named(runs, WORKLOAD_COLUMNS, lambda row: Workload.of_row(row).label())
    return {"count": len(runs), "columns": encoded, "declared": [_declared(column) for column in shown]}


def _declared(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "title": column.title or column.name.replace("_", " "),
        "heading": column.heading,
        "meaning": column.meaning,
        "kind": column.kind,
        "unit": column.unit,
        "thousands": column.in_thousands,
        "ends": column.ends,
        "better": column.better,
    }


def _encoded(column: Column, values: pd.Series[Any]) -> dict[str, Any]:
    if column.kind == "text":
        return _texts(values)
    if column.kind == "texts":
        return _texts("\n".join(map(str, items)) for items in values)
    if column.is_list:
        return {"values": [_numbers(items) for items in values]}
    if column.kind == "truth":
        return {"values": [bool(value) if _is_known(value) else None for value in values]}
    if column.kind == "moment":
        return {"values": _milliseconds(values)}
    return {"values": _numbers(values)}


def _is_known(value: Any) -> bool:
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
    index = [numbers.setdefault(str(value), len(numbers)) if _is_known(value) else -1 for value in values]
    return {"texts": list(numbers), "index": index}


def _numbers(values: Iterable[Any]) -> list[float | int | None]:
    return [_short(float(value)) if _is_known(value) else None for value in values]


def _short(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) < 2**53:
        return int(value)
    return float(f"{value:.{_DIGITS}g}")


def _milliseconds(moments: pd.Series[Any]) -> list[int | None]:
    import pandas as pd

    return [
        int(moment.timestamp() * 1000) if _is_known(moment) else None for moment in pd.to_datetime(moments, utc=True)
    ]
