"""Tables for programs: a row for each model and way of measuring, numbers in full."""

from __future__ import annotations

import csv
import io
from typing import Any

from latency_bench.reports.tables.table import Cell, Column, Table
from latency_bench.reports.tables.text import MISSING, one_line

_FORMULA = ("=", "+", "-", "@")


def csv_text(table: Table) -> str:
    """CSV with the names of `records` as its header. Text that a spreadsheet would take for a formula gets a quote
    before it."""
    rows = records(table)
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: inert(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def records(table: Table) -> list[dict[str, Any]]:
    """What JSON and CSV say: `model`, `group`, the published columns, then of one setting its facts and each of its
    columns with `_low`, `_high`, `_status`, `_notes`, `_runs` and `_command` where it has them.

    A table without measured settings has one record a row.
    """
    fixed = [index for index, block in enumerate(table.blocks) if not block.facts]
    measured = [index for index, block in enumerate(table.blocks) if block.facts]
    found = []
    for number, group in enumerate(table.groups, start=1):
        for row in group:
            common: dict[str, Any] = {"table": table.name, "group": number}
            for index in fixed:
                for column, cell in zip(table.blocks[index].columns, row.cells[index], strict=True):
                    common[column.key] = _fixed(column, cell)
            found += [_beside(common, _measured(table, index, row.cells[index])) for index in measured] or [common]
    return found


def _beside(common: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    """What names the row counts where a setting has a fact of the same name."""
    return {**common, **{name: value for name, value in measured.items() if name not in common}}


def _fixed(column: Column, cell: Cell) -> str | float | None:
    """Nothing, and no dash, where a column of numbers has none; a range stays in the words that it was printed in."""
    if column.is_text or (cell.value is None and cell.text not in ("", MISSING)):
        return cell.text
    return cell.value


def _measured(table: Table, index: int, cells: tuple[Cell, ...]) -> dict[str, Any]:
    block = table.blocks[index]
    record: dict[str, Any] = {"setting": block.title, **block.facts}
    for column, cell in zip(block.columns, cells, strict=True):
        record |= _cell(column, cell)
    return record


def _cell(column: Column, cell: Cell) -> dict[str, Any]:
    return {
        column.key: cell.text if column.is_text else cell.value,
        f"{column.key}_low": cell.low,
        f"{column.key}_high": cell.high,
        f"{column.key}_status": cell.status,
        f"{column.key}_notes": "; ".join(cell.notes),
        f"{column.key}_runs": " ".join(cell.runs),
        f"{column.key}_command": "; ".join(one.text for one in cell.commands),
        **({} if cell.best is None else {f"{column.key}_best": cell.best}),
    }


def inert(value: Any) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    line = one_line(value, 2000)
    return f"'{line}" if line.startswith(_FORMULA) else line
