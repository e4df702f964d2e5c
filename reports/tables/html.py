"""Tables as HTML fragments, for a page that brings its own style sheet."""

from __future__ import annotations

from html import escape

from reports.tables.table import Cell, Table
from reports.tables.text import MISSING, one_line


def html(table: Table) -> str:
    """A `<figure class="bench-table">` with table, footnotes, remarks and commands; no scripts, no styles."""
    marks = table.footnotes()
    name = escaped(table.name)
    lines = [
        f'<figure class="bench-table" id="{name}">',
        f"<table><caption>{escaped(table.heading)}</caption>",
        "<thead>",
        "<tr>"
        + "".join(
            f'<th colspan="{len(block.columns)}" scope="colgroup"><bdi>{escaped(block.title)}</bdi></th>'
            for block in table.blocks
        )
        + "</tr>",
        "<tr>"
        + "".join(
            f'<th scope="col"{_text_class(column.is_text)}>{escaped(column.title)}</th>'
            for block in table.blocks
            for column in block.columns
        )
        + "</tr>",
        "</thead>",
    ]
    for group in table.groups:
        lines.append("<tbody>")
        for row in group:
            first, *others = row
            lines.append(
                f'<tr><th scope="row">{_content(first, marks, name)}</th>'
                + "".join(_data(cell, marks, name) for cell in others)
                + "</tr>"
            )
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


def _data(cell: Cell, marks: dict[str, str], name: str) -> str:
    runs = f' title="{escaped(", ".join(cell.runs))}"' if cell.runs else ""
    command = f' title="{escaped("; ".join(one.text for one in cell.commands))}"' if cell.commands else ""
    status = f' class="{cell.status.replace(" ", "-")}"' if cell.status else ""
    return f"<td{status}{runs or command}>{_content(cell, marks, name)}</td>"


def _content(cell: Cell, marks: dict[str, str], name: str) -> str:
    links = ",".join(f'<a href="#{name}-{marks[note]}">{marks[note]}</a>' for note in cell.notes)
    return escaped(cell.text or MISSING) + (f"<sup>{links}</sup>" if links else "")


def _text_class(is_text: bool) -> str:
    return ' class="text"' if is_text else ""
