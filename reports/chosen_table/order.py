"""In which order the rows of a chosen table stand, and in which groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from latency_bench.harness.store.columns.registry import columns, find_columns
from latency_bench.reports.chosen_table.case_names import Names, natural, usual_case_names
from latency_bench.reports.chosen_table.layout import Layout
from latency_bench.reports.chosen_table.values import RANK, RATIO
from latency_bench.reports.errors import TableError
from latency_bench.reports.pair_columns import PAIR_COLUMNS

ValueOf = Callable[[Names], Any]
"""What a row is sorted by; None where it has none."""


@dataclass(frozen=True)
class Order:
    """By a value, the best first; what has none comes last."""

    value: ValueOf
    downwards: bool

    def of(self, rows: Sequence[Names]) -> list[Names]:
        known = [row for row in rows if self.value(row) is not None]
        unknown = [row for row in rows if self.value(row) is None]
        return [*sorted(known, key=self.value, reverse=self.downwards), *unknown]


def order_of(layout: Layout, sort: str | None, ratio_of: ValueOf) -> Order:
    """What `--sort` names, a minus before it for the other way round; the latency where nothing is named. Of several
    blocks the first one that has a value counts.

    Raises ColumnError for an unknown name, TableError for what is neither shown nor of a run.
    """
    word = sort or columns()["median_ms"].name
    name, backwards = word.removeprefix("-"), word.startswith("-")
    places = {one.name: place for place, one in enumerate(layout.rows_by)}
    if name in places:
        return Order(lambda row: natural(row[places[name]]), backwards)
    if name in (RATIO, RANK):
        if name == RANK:
            return order_of(layout, f"{'-' if backwards else ''}latency", ratio_of)
        return Order(ratio_of, not backwards)
    if name in usual_case_names():
        raise TableError(f"--sort {name}: rows are not named by it; add it to --rows")
    (column,) = find_columns(name, PAIR_COLUMNS)

    def value(row: Names) -> Any:
        for block in layout.blocks:
            run = layout.at(row, block).run
            if run is not None and run[column.name] not in (None, []):
                found = run[column.name]
                return ", ".join(map(str, found)) if isinstance(found, list) else found
        return None

    return Order(value, (column.better == "higher") != backwards)


def groups_of(layout: Layout, rows: Sequence[Names], grouped: bool) -> list[list[Names]]:
    """Rows that agree in their first name, in the order of the first of each; all together where they are not
    `grouped`."""
    if not grouped or len(layout.rows_by) < 2:
        return [list(rows)] if rows else []
    first = {name: place for place, name in enumerate(dict.fromkeys(row[0] for row in rows))}
    ordered = sorted(rows, key=lambda row: first[row[0]])
    return [list(members) for _, members in groupby(ordered, key=lambda row: row[0])]
