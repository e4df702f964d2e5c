"""Tables on a terminal of any width, nothing cut off.

What fits is a table. What does not is first wrapped, then parted into blocks of columns, each beginning with the first
column; where not even two columns fit beside each other, every row becomes lines. Into a pipe or a file goes one line a
row, as wide as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = 2
_LEAST_TEXT = 12
"""Columns of text are wrapped down to this width before anything is parted."""
_MOST_BLOCKS = 4
"""Where it would be more, without groups that say what belongs together, every row becomes lines."""
Cell: TypeAlias = "Text | str"


@dataclass(frozen=True)
class Heading:
    """What stands over a column."""

    title: str
    right: bool = False
    wraps: bool = False
    """Whether its cells may be wrapped: texts, not numbers."""
    group: str = ""
    """Stands over neighbouring columns of one group, which stay together where that is possible."""


@dataclass(frozen=True)
class _Column:
    heading: Heading
    least: int
    """Cells wide with its title, and its text, wrapped."""
    natural: int
    """Cells wide with nothing wrapped."""


def print_grid(
    console: Console, headings: Sequence[Heading], rows: Sequence[Sequence[Cell]], ends: Collection[int] = ()
) -> None:
    """Print rows of cells, as many in each as there are headings; a line is drawn after the rows whose numbers are in
    `ends`. Texts are printed as they are, never as markup."""
    columns = [_column(heading, [row[place] for row in rows]) for place, heading in enumerate(headings)]
    natural = _wide_enough_for_groups(columns, [column.natural for column in columns])
    if not console.is_terminal:
        _write_plain(console, columns, rows, natural, ends)
        return
    if _width(natural) <= console.width:
        _print_block(console, columns, rows, range(len(columns)), natural, ends)
        return
    blocks = _blocks(columns, console.width)
    many = len(blocks) > _MOST_BLOCKS and not any(heading.group for heading in headings)
    if many or any(_width([columns[place].least for place in block]) > console.width for block in blocks):
        _print_lines(console, headings, rows)
        return
    for number, block in enumerate(blocks):
        if number:
            console.print()
        _print_block(console, columns, rows, block, _widths([columns[i] for i in block], console.width), ends)


def print_facts(console: Console, facts: Iterable[tuple[Cell, Cell]]) -> None:
    """Names and values below each other; a value that is too long goes on below itself, or below its name where the
    terminal is narrow."""
    from rich.text import Text

    pairs = [(Text(name, "dim") if isinstance(name, str) else name, value) for name, value in facts]
    names = max((name.cell_len for name, _ in pairs), default=0)
    for name, value in pairs:
        beside = console.width - names - _GAP
        if not console.is_terminal:
            lines, start = [Text(str(value)) if isinstance(value, str) else value], names + _GAP
        elif beside >= _LEAST_TEXT:
            lines, start = _wrapped(console, value, beside), names + _GAP
        else:
            lines, start = _wrapped(console, value, max(1, console.width - _GAP)), _GAP
            for line in _wrapped(console, name, console.width):
                console.print(line, soft_wrap=True)
            name = Text()
        for number, line in enumerate(lines):
            head = name if number == 0 else Text()
            console.print(Text.assemble(head, " " * (start - head.cell_len), line), soft_wrap=True)


def _write_plain(
    console: Console,
    columns: Sequence[_Column],
    rows: Sequence[Sequence[Cell]],
    widths: Sequence[int],
    ends: Collection[int],
) -> None:
    """One line a row, quickly: there may be a hundred thousand."""

    def write(cells: Iterable[str], widths: Sequence[int], rights: Sequence[bool]) -> None:
        padded = (
            _space(cell, width) + cell if right else cell + _space(cell, width)
            for cell, width, right in zip(cells, widths, rights, strict=True)
        )
        console.file.write((" " * _GAP).join(padded).rstrip() + "\n")

    rights = [column.heading.right for column in columns]
    names, spans = _group_spans([column.heading.group for column in columns], widths)
    if any(names):
        write(names, spans, [False] * len(names))
    write((" ".join(column.heading.title.split()) for column in columns), widths, rights)
    for number, row in enumerate(rows):
        write((str(cell) for cell in row), widths, rights)
        if number in ends:
            console.file.write(_rule(console) * _width(widths) + "\n")


def _rule(console: Console) -> str:
    return "─" if console.encoding.startswith("utf") else "-"


def _space(text: str, width: int) -> str:
    return " " * (width - _cells_wide(text))


def _cells_wide(text: str) -> int:
    """Cells of a terminal, two for letters of East Asian scripts."""
    if text.isascii() and text.isprintable():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _group_spans(groups: Sequence[str], widths: Sequence[int]) -> tuple[list[str], list[int]]:
    """The names of neighbouring groups, and how wide the columns of each are together."""
    names, spans = [], []
    for name, members in groupby(zip(groups, widths, strict=True), key=lambda member: member[0]):
        names.append(name)
        spans.append(_width([width for _, width in members]))
    return names, spans


def _column(heading: Heading, cells: Sequence[Cell]) -> _Column:
    longest = max((_cells_wide(str(cell)) for cell in cells), default=0)
    word = max(map(_cells_wide, heading.title.split()), default=0)
    return _Column(
        heading,
        least=max(word, min(longest, _LEAST_TEXT) if heading.wraps else longest),
        natural=max(longest, _cells_wide(heading.title)),
    )


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _wide_enough_for_groups(columns: Sequence[_Column], widths: Sequence[int]) -> list[int]:
    """The last column of a group is widened where the group's name is longer than its columns."""
    widened: list[int] = []
    for name, members in groupby(zip(columns, widths, strict=True), key=lambda member: member[0].heading.group):
        of_group = [width for _, width in members]
        of_group[-1] += max(0, _cells_wide(name) - _width(of_group))
        widened += of_group
    return widened


def _blocks(columns: Sequence[_Column], width: int) -> list[list[int]]:
    """Numbers of the columns side by side. Groups stay together unless one alone is too wide."""
    blocks: list[list[int]] = [[0]]
    for _, members in groupby(range(1, len(columns)), key=lambda place: columns[place].heading.group or place):
        group = list(members)
        if _width([columns[place].least for place in (0, *group)]) > width:
            units = [[place] for place in group]
        else:
            units = [group]
        for unit in units:
            if len(blocks[-1]) > 1 and _width([columns[i].least for i in (*blocks[-1], *unit)]) > width:
                blocks.append([0])
            blocks[-1] += unit
    return blocks


def _widths(columns: Sequence[_Column], width: int) -> list[int]:
    """At least what each needs; what is left goes to those that would need more, an equal part each."""
    widths = [column.least for column in columns]
    while (left := width - _width(widths)) > 0:
        narrow = [place for place, column in enumerate(columns) if widths[place] < column.natural]
        if not narrow:
            break
        for place in narrow[:left]:
            widths[place] += min(max(1, left // len(narrow)), columns[place].natural - widths[place])
    return widths


def _print_block(
    console: Console,
    columns: Sequence[_Column],
    rows: Sequence[Sequence[Cell]],
    block: Sequence[int],
    widths: Sequence[int],
    ends: Collection[int],
) -> None:
    from rich.text import Text

    rights = [columns[place].heading.right for place in block]
    names, spans = _group_spans([columns[place].heading.group for place in block], widths)
    if any(names):
        groups = [Text(name, "bold") for name in names]
        for line in _lines(console, groups, spans, [False] * len(spans), from_below=True):
            console.print(line, soft_wrap=True)
    titles = [Text(columns[place].heading.title, "bold") for place in block]
    for line in _lines(console, titles, widths, rights, from_below=True):
        console.print(line, soft_wrap=True)
    for number, row in enumerate(rows):
        for line in _lines(console, [row[place] for place in block], widths, rights):
            console.print(line, soft_wrap=True)
        if number in ends:
            console.print(Text(_rule(console) * _width(widths), "dim"), soft_wrap=True)


def _lines(
    console: Console,
    cells: Sequence[Cell],
    widths: Sequence[int],
    rights: Sequence[bool],
    from_below: bool = False,
) -> Iterator[Text]:
    """The lines of a row: cells wrapped to their widths and padded."""
    from rich.text import Text

    wrapped = [_wrapped(console, cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(len(lines) for lines in wrapped)
    for number in range(height):
        line = Text()
        for lines, width, right in zip(wrapped, widths, rights, strict=True):
            place = number - (height - len(lines)) if from_below else number
            part = lines[place] if 0 <= place < len(lines) else Text()
            space = " " * (width - part.cell_len)
            line.append(space if right else "").append_text(part).append("" if right else space)
            line.append(" " * _GAP)
        line.rstrip()
        yield line


def _wrapped(console: Console, cell: Cell, width: int) -> list[Text]:
    from rich.text import Text

    cell = Text(cell) if isinstance(cell, str) else cell
    if cell.cell_len <= width and "\n" not in cell.plain:
        return [cell]
    lines = list(cell.wrap(console, width, overflow="fold"))
    for line in lines:
        line.rstrip()
    return lines


def _print_lines(console: Console, headings: Sequence[Heading], rows: Sequence[Sequence[Cell]]) -> None:
    """Every row as lines, a title and a value each."""
    from rich.text import Text

    for number, row in enumerate(rows):
        if number:
            console.print()
        for heading, cell in zip(headings, row, strict=True):
            if not str(cell):
                continue
            title = " ".join(f"{heading.group} {heading.title}".split())
            line = Text.assemble((f"{title}: ", "bold"), cell)
            for part in _wrapped(console, line, console.width):
                console.print(part, soft_wrap=True)
