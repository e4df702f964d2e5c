"""Tables as Markdown that GitHub and most others show: notes and commands below the table."""

from __future__ import annotations

from collections.abc import Sequence

from latency_bench.reports.tables.table import Cell, Table
from latency_bench.reports.tables.text import MISSING, one_line

_ESCAPES = {ord(letter): f"\\{letter}" for letter in "\\|`*_[]#~$!"}
_ESCAPES |= {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("@"): "&#64;"}


def markdown(table: Table) -> str:
    """The table with a heading, its legend, footnotes, remarks, and the commands for what is not measured."""
    marks = table.footnotes()
    letters = _letters(table)
    head, align = [], []
    for block in table.blocks:
        for column in block.columns:
            head.append((block.title, f"{letters.get(block.title, '')}{escaped(column.title)}"))
            align.append(":---" if column.is_text else "---:")
    lines = [f"### {escaped(table.heading)}", "", _line(_told_apart(head)), _line(align)]
    for number, group in enumerate(table.groups):
        if number:
            lines.append(_line([""] * len(head)))
        lines += [_line([_cell(cell, marks) for cell in row]) for row in group]
    lines.append("")
    if len(letters) > 1:
        lines += [f"- {letter}{escaped(title)}" for title, letter in letters.items()] + [""]
    elif letters:
        lines += [f"Measured: {escaped(title)}." for title in letters] + [""]
    for note, mark in marks.items():
        lines.append(f"- <sup>{mark}</sup> {escaped(note)}")
    lines += [""] if marks else []
    for remark in table.remarks:
        lines += [escaped(remark), ""]
    if commands := table.commands():
        # An indented block ends with its line, whatever the line has in it.
        lines += ["What is not measured:", "", *(f"    {command}" for command in commands), ""]
    return "\n".join(lines)


def _told_apart(head: Sequence[tuple[str, str]]) -> list[str]:
    """Titles of columns; those that stand twice have that of their block before them."""
    titles = [title for _, title in head]
    return [f"{escaped(block)}: {title}" if block and titles.count(title) > 1 else title for block, title in head]


def escaped(text: str) -> str:
    """Text that cannot leave its cell nor become markup, HTML or a link."""
    safe = one_line(text).translate(_ESCAPES)
    # What is left of an address would still be made a link.
    return safe.replace("://", ":&#47;&#47;").replace("www.", "www&#46;")


def _letters(table: Table) -> dict[str, str]:
    """`A: ` by the title of each measured block; one alone needs none and gets an empty one."""
    titles = [block.title for block in table.blocks if block.facts]
    return {title: f"{chr(ord('A') + index)}: " if len(titles) > 1 else "" for index, title in enumerate(titles)}


def _cell(cell: Cell, marks: dict[str, str]) -> str:
    text = escaped(cell.text or MISSING)
    text = f"**{text}**" if cell.best else text
    noted = ",".join(marks[note] for note in cell.notes)
    return f"{text}<sup>{noted}</sup>" if noted else text


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
