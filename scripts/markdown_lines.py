"""Tables and paragraphs of the pages that scripts write."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

_HARD_SPACE = "\N{NO-BREAK SPACE}"
_FOLDERS = re.compile(r"(?<![\w:/'])(?:/[^\s/:']+)+/(?=[^\s/])")
"""Of an absolute path; not of an address, nor of a name in quotes, as nodes of a graph have."""


def without_folders(text: str) -> str:
    """Files by their last part: where something lay on this computer says nothing to a reader."""
    return _FOLDERS.sub("", text)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of Markdown; a cell is one line whatever its text is."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def paragraph(text: str) -> list[str]:
    """Lines of Markdown, with an empty one behind them. What is set as code stays on one line."""
    joined = re.sub("`[^`]*`", lambda code: code[0].replace(" ", _HARD_SPACE), text)
    lines = textwrap.wrap(joined, 120, break_on_hyphens=False, break_long_words=False)
    return [*(line.replace(_HARD_SPACE, " ") for line in lines), ""]
