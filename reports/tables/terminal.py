"""Tables for a terminal: as many ways of measuring beside each other as its width has room for (terminal_grid.py)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from latency_bench.reports.tables.table import Cell, Table
from latency_bench.reports.tables.text import MISSING, one_line
from latency_bench.reports.terminal_grid import Heading, print_grid

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {"unstable": "yellow", "failed": "red", "not measured": "dim", "not comparable": "yellow"}


def print_table(table: Table, console: Console) -> None:
    """Print it with its notes and commands. Foreign text is printed as text, never as markup."""
    from rich.text import Text

    marks = table.footnotes()
    console.print(Text(one_line(table.heading), "bold"))
    lengths = list(accumulate(len(group) for group in table.groups))
    rows = [[_text(cell, marks) for cell in row] for row in table.rows]
    print_grid(console, list(_headings(table)), rows, ends=[length - 1 for length in lengths[:-1]])
    for note, mark in marks.items():
        console.print(Text.assemble((f"{mark} ", "bold"), one_line(note)))
    for remark in table.remarks:
        console.print(Text(one_line(remark), "dim"))
    if commands := table.commands():
        console.print("What is not measured:")
        for command in commands:
            # Unbroken, so that it can be copied.
            console.print(Text(f"  {command}"), soft_wrap=True)


def _headings(table: Table) -> Iterator[Heading]:
    """A block's columns stay together as long as they fit; names of rows and numbers are never broken."""
    for place, block in enumerate(table.blocks):
        for column in block.columns:
            wraps = column.is_text and place > 0
            yield Heading(one_line(column.title), not column.is_text, wraps, one_line(block.title))


def _text(cell: Cell, marks: dict[str, str]) -> Text:
    from rich.text import Text

    text = Text(one_line(cell.text or MISSING), "bold" if cell.best else _STYLES.get(cell.status, ""))
    noted = ",".join(marks[note] for note in cell.notes)
    if noted:
        text.append(f" {noted}", "bold")
    return text
