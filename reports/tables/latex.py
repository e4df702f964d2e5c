"""Tables for LaTeX, for papers of one and two columns and any engine: booktabs is all that a document needs, and
siunitx for those whose numbers stand in its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from latency_bench.reports.tables.latex_layout import (
    COLUMN_GAP_PT,
    HEIGHT_PT,
    LEADING,
    SIZES_PT,
    Layout,
    TexColumn,
    block_title_lines,
    lay_out,
    marked,
    text_lines,
)
from latency_bench.reports.tables.latex_numbers import PAIR_OF_COLUMNS, SIUNITX, Numbers
from latency_bench.reports.tables.latex_text import LETTER_COMMAND, escaped
from latency_bench.reports.tables.table import Cell, Row, Table
from latency_bench.reports.tables.text import MISSING

PREAMBLE = r"""\usepackage{booktabs}"""
"""What a document needs to include a table, beside what its numbers need."""
_ROOM_FOR_HEAD = 60.0
"""Points that rules, titles and space take in a part."""

Piece = tuple[list[str], float]
"""Lines of TeX, and how high they are in points."""


def latex(table: Table, numbers: Numbers = PAIR_OF_COLUMNS) -> str:
    """One or more `table` environments, over one column of the page or both (`table*`), in letters of seven points or
    more, with notes below; the commands for what is not measured are comments."""
    layout = lay_out(table)
    pieces = [*_tabulars(table, layout, numbers), *_notes(table, layout)]
    lines = [f"% {PREAMBLE}{numbers.preamble}", *_comments(table), LETTER_COMMAND]
    for number, members in enumerate(_floats(pieces)):
        lines += _float(table, layout, number, members)
    return "\n".join([*lines, ""])


def siunitx(table: Table) -> str:
    """The same with the numbers in S columns of siunitx, so that the document decides how numbers are set."""
    return latex(table, SIUNITX)


def document(
    tables: list[str],
    document_class: str = r"\documentclass[10pt,twocolumn]{article}",
    numbers: Numbers = PAIR_OF_COLUMNS,
) -> str:
    """A whole document of tables, to be compiled as it is."""
    head = [document_class, PREAMBLE + numbers.preamble, "\\begin{document}"]
    return "\n".join([*head, *tables, "\\end{document}", ""])


def _comments(table: Table) -> Iterator[str]:
    if table.label:
        yield f"% {table.label}"
    if commands := table.commands():
        yield "% What is not measured:"
        yield from (f"%   {command}" for command in commands)


def _floats(pieces: Sequence[Piece]) -> Iterator[list[list[str]]]:
    """Pieces in floats that are no higher than a page."""
    members: list[list[str]] = []
    height = 0.0
    for lines, piece_height in pieces:
        if members and height + piece_height > HEIGHT_PT:
            yield members
            members, height = [], 0.0
        members.append(lines)
        height += piece_height
    yield members


def _float(table: Table, layout: Layout, number: int, members: Sequence[Sequence[str]]) -> list[str]:
    environment = "table*" if layout.is_wide else "table"
    caption = escaped(table.title) + (" (continued)" if number else "")
    return [
        rf"\begin{{{environment}}}[tbp]",
        r"\centering",
        # A table that goes on keeps its number.
        *([r"\addtocounter{table}{-1}"] if number else []),
        rf"\caption{{{caption}}}",
        *([] if number else [rf"\label{{tab:{table.name}}}"]),
        rf"\setlength{{\tabcolsep}}{{{COLUMN_GAP_PT / 2:g}pt}}",
        *(line for lines in members for line in lines),
        rf"\end{{{environment}}}",
    ]


def _tabulars(table: Table, layout: Layout, numbers: Numbers) -> Iterator[Piece]:
    """Every part, its rows in portions that fit on a page."""
    marks = table.footnotes()
    for columns in layout.parts:
        portion: list[tuple[bool, Row]] = []
        height = _ROOM_FOR_HEAD
        for group in table.groups:
            for place, row in enumerate(group):
                row_height = layout.line_pt * max(
                    [1, *(text_lines(marked(_cell_at(row, column), marks), column.width_pt, layout.size_pt)
                          for column in columns if column.wraps)]
                )  # fmt: skip
                if portion and height + row_height > HEIGHT_PT:
                    yield _tabular(table, layout, columns, portion, numbers), height
                    portion, height = [], _ROOM_FOR_HEAD
                portion.append((place == 0, row))
                height += row_height
        yield _tabular(table, layout, columns, portion, numbers), height


def _tabular(
    table: Table,
    layout: Layout,
    columns: Sequence[TexColumn],
    portion: Sequence[tuple[bool, Row]],
    numbers: Numbers,
) -> list[str]:
    marks = table.footnotes()
    cells = {column: [_cell_at(row, column) for _, row in portion] for column in columns}
    alignments = (_text_alignment(column) if column.is_text else numbers.alignment(cells[column]) for column in columns)
    lines = [
        rf"{{\fontsize{{{layout.size_pt:g}}}{{{layout.line_pt:g}}}\selectfont",
        rf"\begin{{tabular}}{{@{{}}{''.join(alignments)}@{{}}}}",
        r"\toprule",
        *_heading(table, columns),
        r"\midrule",
    ]
    for number, (begins_group, row) in enumerate(portion):
        lines += [r"\midrule"] if begins_group and number else []
        texts = [_cell(column, _cell_at(row, column), marks, numbers) for column in columns]
        lines.append(" & ".join(texts) + r" \tabularnewline")
    return [*lines, r"\bottomrule", r"\end{tabular}\par}", r"\smallskip"]


def _text_alignment(column: TexColumn) -> str:
    return rf"p{{{column.width_pt:.0f}pt}}" if column.wraps else "l"


def _heading(table: Table, columns: Sequence[TexColumn]) -> list[str]:
    """Blocks, with a rule under each, where there are any with a title; then columns."""
    above, rules, place = [], [], 1
    for number, members in groupby(columns, key=lambda column: column.block):
        width = sum(1 if column.is_text else 2 for column in members)
        title = block_title_lines(table.blocks[number].title)
        above.append(rf"\multicolumn{{{width}}}{{c}}{{{_stacked(title)}}}")
        if any(title):
            rules.append(rf"\cmidrule(lr){{{place}-{place + width - 1}}}")
        place += width
    spans = [(1, "l") if column.is_text else (2, "c") for column in columns]
    # As in the columns below, nothing is before the first.
    spans[0] = (spans[0][0], f"@{{}}{spans[0][1]}")
    titles = [
        rf"\multicolumn{{{span}}}{{{place}}}{{{_stacked(column.heading)}}}"
        for column, (span, place) in zip(columns, spans, strict=True)
    ]
    blocks = [" & ".join(above) + r" \tabularnewline", "".join(rules)] if rules else []
    return [*blocks, " & ".join(titles) + r" \tabularnewline"]


def _stacked(lines: Sequence[str]) -> str:
    texts = [escaped(line) for line in lines]
    return texts[0] if len(texts) == 1 else r"\shortstack{" + r" \\ ".join(texts) + "}"


def _cell_at(row: Row, column: TexColumn) -> Cell:
    return list(row)[column.number]


def _cell(column: TexColumn, cell: Cell, marks: dict[str, str], numbers: Numbers) -> str:
    noted = ",".join(marks[note] for note in cell.notes)
    mark = rf"\textsuperscript{{{noted}}}" if noted else ""
    text = cell.text or MISSING
    if column.is_text:
        return (r"\raggedright " if column.wraps else "") + _bold(escaped(text), cell) + mark
    if cell.value is None or not text[:1].isdigit():
        return rf"\multicolumn{{2}}{{c}}{{{_bold(escaped(text), cell)}{mark}}}"
    number, rest = numbers.parts(text)
    space = r"\ " if rest.startswith(" ") else ""
    return f"{numbers.written(number, bool(cell.best))} & {space}{_bold(escaped(rest), cell)}{mark}"


def _bold(text: str, cell: Cell) -> str:
    return rf"\textbf{{{text}}}" if cell.best and text else text


def _notes(table: Table, layout: Layout) -> Iterator[Piece]:
    """One paragraph of footnotes and one of remarks, in portions that fit on a page."""
    size = SIZES_PT[-1]
    marks = table.footnotes()
    marked_notes = [(note, rf"\textsuperscript{{{mark}}}\,{escaped(note)}.") for note, mark in marks.items()]
    remarks = [(remark, escaped(remark)) for remark in table.remarks]
    for paragraph in (marked_notes, remarks):
        portion: list[str] = []
        height = 0.0
        for plain, written in paragraph:
            lines_pt = size * LEADING * text_lines(f"{plain}  ", layout.width_pt, size)
            if portion and height + lines_pt > HEIGHT_PT:
                yield _paragraph(portion, size), height
                portion, height = [], 0.0
            portion.append(written)
            height += lines_pt
        if portion:
            yield _paragraph(portion, size), height


def _paragraph(portion: Sequence[str], size: float) -> list[str]:
    head = rf"{{\fontsize{{{size:g}}}{{{size * LEADING:g}}}\selectfont\raggedright"
    return [head, *portion, r"\par}"]
