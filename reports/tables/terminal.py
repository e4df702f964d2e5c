"""Tables for a terminal: as many ways of measuring beside each other as its width has room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latency_bench.reports.tables.table import Block, Cell, Column, Table
from latency_bench.reports.tables.text import MISSING, one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {"unstable": "yellow", "failed": "red", "not measured": "dim"}
_GAP = 2
_WIDEST_TEXT = 26
"""Columns of text are wrapped beyond it; numbers never are."""


def print_table(table: Table, console: Console) -> None:
    """Print it with its notes and commands. Foreign text is printed as text, never as markup."""
    from rich.text import Text

    marks = table.footnotes()
    console.print(Text(one_line(table.heading), "bold"))
    for blocks in _packed(table, marks, console.width):
        _print_grid(table, blocks, marks, console)
    for note, mark in marks.items():
        console.print(Text.assemble((f"{mark} ", "bold"), one_line(note)))
    for remark in table.remarks:
        console.print(Text(one_line(remark), "dim"))
    if commands := table.commands():
        console.print("What is not measured:")
        for command in commands:
            # Unbroken, so that it can be copied.
            console.print(Text(f"  {command}"), soft_wrap=True)


def _packed(table: Table, marks: dict[str, str], width: int) -> list[list[int]]:
    """Blocks by grid. Every grid begins with the first block, the names of the rows."""
    widths = [
        sum(_width(table, index, place, marks) + _GAP for place in range(len(block.columns)))
        for index, block in enumerate(table.blocks)
    ]
    grids = [[0]]
    for index in range(1, len(widths)):
        if len(grids[-1]) > 1 and sum(widths[one] for one in (*grids[-1], index)) > width:
            grids.append([0])
        grids[-1].append(index)
    return grids


def _width(table: Table, index: int, place: int, marks: dict[str, str]) -> int:
    column = table.blocks[index].columns[place]
    longest = max((len(_text(row.cells[index][place], marks).plain) for row in table.rows), default=0)
    words = max(len(word) for word in column.title.split())
    return max(words, min(longest, _WIDEST_TEXT) if column.is_text and index else longest)


def _print_grid(table: Table, blocks: Sequence[int], marks: dict[str, str], console: Console) -> None:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for index in blocks:
        for place, column in enumerate(table.blocks[index].columns):
            grid.add_column(
                Text(_title(table.blocks[index], column)),
                justify="left" if column.is_text else "right",
                overflow="fold",
                min_width=_width(table, index, place, marks),
                vertical="bottom",
            )
    for number, group in enumerate(table.groups):
        for place, row in enumerate(group):
            last = place == len(group) - 1 and number < len(table.groups) - 1
            grid.add_row(*(_text(cell, marks) for index in blocks for cell in row.cells[index]), end_section=last)
    console.print(grid)


def _title(block: Block, column: Column) -> str:
    """A measured block's heading stands over its first column."""
    heads = block.facts and column is block.columns[0]
    return f"{one_line(block.title)}\n{one_line(column.title)}" if heads else one_line(column.title)


def _text(cell: Cell, marks: dict[str, str]) -> Text:
    from rich.text import Text

    text = Text(one_line(cell.text or MISSING), _STYLES.get(cell.status, ""))
    noted = ",".join(marks[note] for note in cell.notes)
    if noted:
        text.append(f" {noted}", "bold")
    return text
