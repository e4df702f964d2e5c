"""How a table goes into a paper of two columns: at which size, over one column or both, in how many parts.

Nothing is made smaller than seven points. What is too wide for a page is parted into blocks of columns, each beginning
with the row's name; what is too high goes on in a further float.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from latency_bench.reports.tables.table import Cell, Table
from latency_bench.reports.tables.text import MISSING, one_line

SIZES_PT = (8.0, 7.0)
"""Sizes of the table's text, the one that is preferred first; notes have the last."""
ONE_COLUMN_PT, BOTH_COLUMNS_PT = 234.0, 494.0
"""Of CVPR's pages, which are narrower than IEEE's (252 and 516)."""
HEIGHT_PT = 560.0
"""Of a page of theirs, with room for the caption."""
LEADING = 1.2
"""Distance of lines over the size of the text."""
COLUMN_GAP_PT = 6.0
MOST_TEXT_PT = 150.0
"""Texts that are longer are wrapped."""
_NARROW, _WIDE = frozenset("ijl.,:;'!|()[]fIt "), frozenset("mwMW@%×÷±—")
_NARROW_EM, _USUAL_EM, _UPPER_EM, _WIDE_EM = 0.36, 0.55, 0.76, 0.95


@dataclass(frozen=True)
class TexColumn:
    """A column as TeX has to lay it out."""

    number: int
    """Of the table's columns, in all blocks."""
    block: int
    is_text: bool
    heading: tuple[str, ...]
    """Lines of its title."""
    width_pt: float
    wraps: bool = False


@dataclass(frozen=True)
class Layout:
    """Size of the text, and the columns of each part."""

    size_pt: float
    is_wide: bool
    """Over both columns of the page."""
    parts: tuple[tuple[TexColumn, ...], ...]

    @property
    def width_pt(self) -> float:
        return BOTH_COLUMNS_PT if self.is_wide else ONE_COLUMN_PT

    @property
    def line_pt(self) -> float:
        return self.size_pt * LEADING


def lay_out(table: Table) -> Layout:
    """One column of the page where that will do at either size, else both, else parted over both."""
    tried = [(width, size) for width in (ONE_COLUMN_PT, BOTH_COLUMNS_PT) for size in SIZES_PT]
    for width, size in tried:
        columns = _columns(table, size)
        if width_of(columns) <= width:
            return Layout(size, width == BOTH_COLUMNS_PT, (tuple(columns),))
    size = SIZES_PT[-1]
    return Layout(size, True, tuple(map(tuple, _parted(_columns(table, size)))))


def width_of(columns: Sequence[TexColumn]) -> float:
    return sum(column.width_pt for column in columns) + COLUMN_GAP_PT * len(columns)


def text_width_pt(text: str, size_pt: float) -> float:
    """What the text takes at most, in Computer Modern, whose small sizes are wider than those of Times."""
    return size_pt * sum(
        _NARROW_EM if letter in _NARROW
        else _WIDE_EM if letter in _WIDE or ord(letter) > 0x2FF
        else _UPPER_EM if letter.isupper()
        else _USUAL_EM
        for letter in one_line(text)
    )  # fmt: skip


def marked(cell: Cell, marks: dict[str, str]) -> str:
    """The text with its marks, for its width."""
    return (cell.text or MISSING) + "".join(marks[note] for note in cell.notes)


def text_lines(text: str, width_pt: float, size_pt: float) -> int:
    """How many lines a paragraph takes."""
    return max(1, -(-int(text_width_pt(text, size_pt)) // int(width_pt)))


def _columns(table: Table, size_pt: float) -> list[TexColumn]:
    marks = table.footnotes()
    made: list[TexColumn] = []
    for block_number, block in enumerate(table.blocks):
        for place, column in enumerate(block.columns):
            cells = [row.cells[block_number][place] for row in table.rows]
            natural = max((text_width_pt(marked(cell, marks), size_pt) for cell in cells), default=0.0)
            wraps = column.is_text and natural > MOST_TEXT_PT
            width = min(natural, MOST_TEXT_PT) if wraps else natural
            heading = _wrapped(column.title, width, size_pt)
            width = max(width, *(text_width_pt(line, size_pt) for line in heading))
            made.append(TexColumn(len(made), block_number, column.is_text, heading, width, wraps))
    return _wide_enough_for_titles(made, table, size_pt)


def _wide_enough_for_titles(columns: list[TexColumn], table: Table, size_pt: float) -> list[TexColumn]:
    """The last column of a block is widened where the block's title is wider than its columns."""
    widened: list[TexColumn] = []
    for number, members in groupby(columns, key=lambda column: column.block):
        of_block = list(members)
        lacking = max(map_width(block_title_lines(table.blocks[number].title), size_pt)) - width_of(of_block)
        if lacking > 0:
            last = of_block[-1]
            of_block[-1] = TexColumn(
                last.number, last.block, last.is_text, last.heading, last.width_pt + lacking, last.wraps
            )
        widened += of_block
    return widened


def block_title_lines(title: str) -> tuple[str, ...]:
    """`desk: litert fp32` and `2 threads`: a line a part, as commas part it."""
    return tuple(part.strip() for part in one_line(title).split(",")) or ("",)


def map_width(lines: Sequence[str], size_pt: float) -> list[float]:
    return [text_width_pt(line, size_pt) for line in lines]


def _wrapped(title: str, width_pt: float, size_pt: float) -> tuple[str, ...]:
    """Lines of a title that are as wide as the column's cells, or as its longest word."""
    words = one_line(title).split()
    most = max([width_pt, *map_width(words, size_pt)])
    lines: list[str] = []
    for word in words:
        if lines and text_width_pt(f"{lines[-1]} {word}", size_pt) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return tuple(lines) or ("",)


def _parted(columns: Sequence[TexColumn]) -> list[list[TexColumn]]:
    """The first column, then as many blocks as fit; a block that alone is too wide is parted too."""
    first, *others = columns
    parts: list[list[TexColumn]] = [[first]]
    for _, members in groupby(others, key=lambda column: column.block):
        block = list(members)
        units = [block] if width_of([first, *block]) <= BOTH_COLUMNS_PT else [[column] for column in block]
        for unit in units:
            if len(parts[-1]) > 1 and width_of([*parts[-1], *unit]) > BOTH_COLUMNS_PT:
                parts.append([first])
            parts[-1] += unit
    return parts
