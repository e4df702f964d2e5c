"""A table as data: blocks of columns, groups of rows, cells that know where their number comes from.

Renderers (markdown.py, latex.py, html.py, csv_rows.py, terminal.py) know nothing of models or runs, builders nothing of
markup. All text in here is plain; escaping is the renderer's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from latency_bench.reports.tables.commands import Command, merged

Status = Literal["", "done", "unstable", "failed", "not measured", "not comparable"]


@dataclass(frozen=True)
class Cell:
    """What stands in one place of the table."""

    text: str = ""
    value: float | None = None
    """The number behind the text, in the column's unit."""
    low: float | None = None
    high: float | None = None
    """Its interval; None where there is none."""
    status: Status = ""
    """Of a measured cell."""
    notes: tuple[str, ...] = ()
    """What a reader has to know before quoting the number; shown as footnotes."""
    runs: tuple[str, ...] = ()
    """Folders of the runs that the number is made of, relative to the store."""
    commands: tuple[Command, ...] = ()
    """What would fill the cell."""
    tone: Literal["", "good", "bad", "open"] = ""
    """Of a verdict: what it says for the claim, against it, or neither."""
    best: bool | None = None
    """Whether it is shown to be the best of its column; None where nobody asked."""


@dataclass(frozen=True)
class Column:
    """`key` names it in CSV and JSON, `title` for people; the unit is in both."""

    key: str
    title: str
    is_text: bool = False


@dataclass(frozen=True)
class Block:
    """Columns under one heading. A block with `facts` is one way of measuring, and CSV gives it rows of its own."""

    title: str
    columns: tuple[Column, ...]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """Cells by block, in the order of the table's blocks and their columns."""

    cells: tuple[tuple[Cell, ...], ...]

    def __iter__(self) -> Iterator[Cell]:
        return (cell for block in self.cells for cell in block)


@dataclass(frozen=True)
class Table:
    """`name` is that of its files, e.g. `table3`; `groups` are rows that belong together, as the paper groups them."""

    name: str
    label: str
    """What the paper calls it; empty if the paper has no such table."""
    title: str
    blocks: tuple[Block, ...]
    groups: tuple[tuple[Row, ...], ...]
    remarks: tuple[str, ...] = ()
    """Of the whole table, below it."""

    @property
    def heading(self) -> str:
        """Label and title."""
        return f"{self.label}. {self.title}" if self.label else self.title

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(row for group in self.groups for row in group)

    def footnotes(self) -> dict[str, str]:
        """Mark by note, in the order of reading: a, b, ... z, aa, ab, ..."""
        notes = dict.fromkeys(note for row in self.rows for cell in row for note in cell.notes)
        return {note: mark_of(index) for index, note in enumerate(notes)}

    def commands(self) -> tuple[str, ...]:
        """The lines that would fill what is not measured, as few as possible."""
        return merged([command for row in self.rows for cell in row for command in cell.commands])

    def sources(self) -> Iterator[tuple[str, str, str, str]]:
        """(row, block, column's key, run's folder) of every number that was measured."""
        for row in self.rows:
            name = row.cells[0][0].text
            for block, cells in zip(self.blocks, row.cells, strict=True):
                for column, cell in zip(block.columns, cells, strict=True):
                    for run in cell.runs:
                        yield name, block.title, column.key, run


def mark_of(index: int) -> str:
    """a, b, ... z, aa, ab, ..."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters
