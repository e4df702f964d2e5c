"""Rows of the paper's tables, found by what a spec says of itself."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from latency_bench.model_specs.spec import PublishedRow

FILES = {
    1: "table1_ablation.csv",
    2: "table2_imagenet.csv",
    3: "table3_cityscapes.csv",
    4: "table4_ade20k.csv",
    5: "table5_super_resolution.csv",
    6: "table6_sam_box.csv",
    7: "table7_sam_point.csv",
}
_FOLDER = Path(__file__).parent


@cache
def table(number: int) -> tuple[dict[str, str], ...]:
    """The rows of a table, column name to printed text. Raises KeyError for a table that the paper does not have."""
    with (_FOLDER / FILES[number]).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def published_row(reference: PublishedRow) -> dict[str, str]:
    """The row that a spec refers to. Raises LookupError where the table has no such row, or several."""
    rows = [
        row
        for row in table(reference.table)
        if row.get("model") == reference.model
        and (reference.resolution is None or row.get("resolution") == str(reference.resolution))
    ]
    if len(rows) != 1:
        raise LookupError(
            f"table {reference.table} has {len(rows)} rows for {reference.model!r} at resolution {reference.resolution}"
        )
    return rows[0]


def number(row: Mapping[str, str], column: str) -> float | None:
    """A cell as a number; None where the paper prints a dash or the table has no such column."""
    text = row.get(column, "")
    return float(text) if text else None
