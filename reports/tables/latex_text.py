"""Foreign text in LaTeX, for any engine, and without fonts that are bitmaps."""

from __future__ import annotations

import unicodedata

from latency_bench.reports.tables.text import one_line

LETTER_COMMAND = r"\providecommand{\benchletter}[2]{\ifdefined\pdftexversion#2\else#1\fi}"
"""What `escaped` needs of a document."""
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
    # Straight ones are of an encoding (TS1) whose fonts pdfTeX has as bitmaps (Type 3) in small installations.
    "'": r"{'}",
    "`": r"{`}",
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
