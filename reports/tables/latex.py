"""Tables for LaTeX, with booktabs and graphicx, for any engine."""

from __future__ import annotations

import unicodedata

from latency_bench.reports.tables.table import Cell, Table
from latency_bench.reports.tables.text import MISSING, one_line

PREAMBLE = r"""\usepackage{booktabs,graphicx}"""
"""What a document needs to include a table."""
_COMMAND_LENGTH = 10_000
_HEAD = r"""% \usepackage{booktabs,graphicx}
\providecommand{\benchletter}[2]{\ifdefined\pdftexversion#2\else#1\fi}"""
_NAMED = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",  # two of them would be a dash
    "[": "{[}",  # after a line's end it would be an argument
    "]": "{]}",
    "×": r"$\times$",
    "÷": r"$\div$",
    "±": r"$\pm$",
    "–": "{--}",
    "—": "{---}",
    "…": r"\ldots{}",
}
_ACCENTS = frozenset("\N{COMBINING GRAVE ACCENT}\N{COMBINING ACUTE ACCENT}\N{COMBINING CIRCUMFLEX ACCENT}"
                     "\N{COMBINING TILDE}\N{COMBINING DIAERESIS}")  # fmt: skip


def latex(table: Table) -> str:
    """A `table` environment with its notes below it, made narrower where it is wider than the text."""
    marks = table.footnotes()
    alignment = "".join("l" if column.is_text else "r" for block in table.blocks for column in block.columns)
    lines = [
        _HEAD,
        r"\begin{table}",
        r"\centering\footnotesize",
        rf"\caption{{{escaped(table.title + (f' ({table.label} of the paper)' if table.label else ''))}}}",
        rf"\label{{tab:{table.name}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        *_heading(table),
        r"\midrule",
    ]
    for number, group in enumerate(table.groups):
        lines += [r"\midrule"] if number else []
        lines += [" & ".join(_cell(cell, marks) for cell in row) + r" \\" for row in group]
    lines += [r"\bottomrule", r"\end{tabular}}", "", r"\vspace{0.5ex}\raggedright\scriptsize"]
    lines += [rf"\textsuperscript{{{mark}}} {escaped(note)}\par" for note, mark in marks.items()]
    lines += [rf"{escaped(remark)}\par" for remark in table.remarks]
    lines += [rf"\texttt{{{escaped(command, _COMMAND_LENGTH)}}}\par" for command in table.commands()]
    return "\n".join([*lines, r"\end{table}", ""])


def document(tables: list[str]) -> str:
    """A whole document of tables, to be compiled as it is."""
    head = ["\\documentclass{article}", PREAMBLE, "\\usepackage[landscape,margin=1.5cm]{geometry}", "\\begin{document}"]
    return "\n".join([*head, *tables, "\\end{document}", ""])


def escaped(text: str, length: int = 2000) -> str:
    """Text without any meaning to TeX. Letters that pdfTeX cannot print without further packages stand as their code
    point there, as themselves elsewhere."""
    return "".join(_NAMED.get(letter) or _printable(letter) for letter in one_line(text, length))


def _printable(letter: str) -> str:
    if letter.isascii():
        return letter
    parts = unicodedata.normalize("NFD", letter)
    if ord(letter) < 0x100 and len(parts) == 2 and parts[0].isascii() and parts[1] in _ACCENTS:
        return letter
    return rf"\benchletter{{{letter}}}{{U+{ord(letter):04X}}}"


def _heading(table: Table) -> list[str]:
    """Two lines: blocks, with a rule under each, then columns."""
    above, rules, column = [], [], 1
    for block in table.blocks:
        width = len(block.columns)
        above.append(rf"\multicolumn{{{width}}}{{c}}{{{escaped(block.title)}}}")
        if block.title:
            rules.append(rf"\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    titles = [escaped(column.title) for block in table.blocks for column in block.columns]
    return [" & ".join(above) + r" \\", "".join(rules), " & ".join(titles) + r" \\"]


def _cell(cell: Cell, marks: dict[str, str]) -> str:
    text = escaped(cell.text or MISSING)
    noted = ",".join(marks[note] for note in cell.notes)
    return rf"{text}\textsuperscript{{{noted}}}" if noted else text
