"""Tables as HTML fragments, for a page that brings its own style sheet."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TypeAlias

from latency_bench.reports.tables.table import Cell, Column, Table
from latency_bench.reports.tables.text import MISSING, one_line

AddressOf: TypeAlias = Callable[[str], str]


def html(table: Table, address_of: AddressOf | None = None) -> str:
    """A `<figure class="bench-table">` with table, footnotes, remarks and commands; no scripts, no styles.

    With `address_of`, which gives the address of a run or a pair by its folder in the store, every number is a link to
    what it is made from.
    """
    marks = table.footnotes()
    name = escaped(table.name)
    lines = [
        f'<figure class="bench-table" id="{name}">',
        f"<table><caption>{escaped(table.heading)}</caption>",
        "<thead>",
        "<tr>"
        + "".join(
            f'<th colspan="{len(block.columns)}" scope="colgroup"><bdi>{escaped(block.title)}</bdi></th>'
            if block.title
            # An empty heading would be read out as one.
            else f'<td colspan="{len(block.columns)}"></td>'
            for block in table.blocks
        )
        + "</tr>",
        "<tr>"
        + "".join(
            f'<th scope="col"{_class(column)}>{escaped(column.title)}</th>'
            for block in table.blocks
            for column in block.columns
        )
        + "</tr>",
        "</thead>",
    ]
    columns = [column for block in table.blocks for column in block.columns]
    for group in table.groups:
        lines.append("<tbody>")
        for row in group:
            first, *others = row
            cells = (
                _data(column, cell, marks, name, address_of) for column, cell in zip(columns[1:], others, strict=True)
            )
            lines.append(f'<tr><th scope="row">{_content(first, marks, name)}</th>{"".join(cells)}</tr>')
        lines.append("</tbody>")
    lines.append("</table>")
    if marks:
        notes = (
            f'<li id="{name}-{mark}"><sup>{mark}</sup> <bdi>{escaped(note)}</bdi></li>' for note, mark in marks.items()
        )
        lines += ['<ul class="bench-notes">', *notes, "</ul>"]
    lines += [f"<p>{escaped(remark)}</p>" for remark in table.remarks]
    if commands := table.commands():
        lines += ["<p>What is not measured:</p>", *(f"<pre><code>{escaped(one)}</code></pre>" for one in commands)]
    return "\n".join([*lines, "</figure>", ""])


def escaped(text: str) -> str:
    """Text without any meaning to HTML, in elements and attributes."""
    return escape(one_line(text), quote=True)


def _data(column: Column, cell: Cell, marks: dict[str, str], name: str, address_of: AddressOf | None) -> str:
    """The runs behind a number, or the command that would measure it, show where a pointer rests on the cell."""
    words = ", ".join(cell.runs) or "; ".join(command.text for command in cell.commands)
    title = f' title="{escaped(words)}"' if words else ""
    return f"<td{_class(column, cell.status)}{title}>{_content(cell, marks, name, address_of)}</td>"


def _content(cell: Cell, marks: dict[str, str], name: str, address_of: AddressOf | None = None) -> str:
    links = ",".join(f'<a href="#{name}-{marks[note]}">{marks[note]}</a>' for note in cell.notes)
    text = escaped(cell.text or MISSING)
    if address_of is not None and cell.runs:
        text = f'<a href="{escaped(address_of(cell.runs[0]))}">{text}</a>'
    if cell.tone:
        text = f'<span class="chip {cell.tone}">{text}</span>'
    return (f"<strong>{text}</strong>" if cell.best else text) + (f"<sup>{links}</sup>" if links else "")


def _class(column: Column, status: str = "") -> str:
    names = [*([] if column.is_text else ["number"]), *([status.replace(" ", "-")] if status else [])]
    return f' class="{" ".join(names)}"' if names else ""
