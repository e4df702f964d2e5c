"""Rows of the run table in another order, or one for several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.index import Row

RUN_COUNT = "runs"
"""Key of a pooled row beside its columns: how many runs it stands for."""


def sorted_rows(rows: Iterable[Row], column: Column, backwards: bool = False) -> list[Row]:
    """By a column: the best first where lower or higher is better, else the lowest. Unknown ones come last."""
    rows = list(rows)
    known = [row for row in rows if row[column.name] is not None and row[column.name] != []]
    unknown = [row for row in rows if row[column.name] is None or row[column.name] == []]
    downwards = (column.better == "higher") != backwards
    return [*sorted(known, key=lambda row: _key(row[column.name]), reverse=downwards), *unknown]


def pooled_rows(rows: Iterable[Row], by: Sequence[Column], beside: Iterable[Column] = ()) -> list[Row]:
    """One row for all that agree in some columns, in the order of the first of each; every other column is what its
    declaration says stands for several runs (Column.pool). `beside`: what the rows have beside the run table."""
    known = {**columns(), **{column.name: column for column in beside}}
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(_hashable(row[column.name]) for column in by), []).append(row)
    return [
        {
            **{name: column.pool([row[name] for row in group]) for name, column in known.items()},
            **{column.name: group[0][column.name] for column in by},
            RUN_COUNT: len(group),
        }
        for group in groups.values()
    ]


def _key(value: Any) -> Any:
    """Lists of numbers by their sum, lists of texts by their texts."""
    if isinstance(value, list):
        return ", ".join(value) if isinstance(value[0], str) else sum(value)
    return value


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
