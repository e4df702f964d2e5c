"""Results of long computations as JSON lines, each written when it is there: a script goes on where it ended."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

Row = TypeVar("Row")
_HARD_SPACE = "\N{NO-BREAK SPACE}"


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Rows of a data class, in the order of the file; none where there is no file yet. A line that was cut off counts
    for nothing."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(kind(**json.loads(line)))
        except ValueError:
            continue
    return rows


def append(path: Path, row: Any) -> None:
    """Add a row to the file, behind whatever was cut off."""
    is_torn = path.is_file() and bool(path.read_bytes()) and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if is_torn else "") + json.dumps(asdict(row)) + "\n")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def paragraph(text: str) -> list[str]:
    """Lines of Markdown, with an empty one behind them. What is set as code stays on one line."""
    joined = re.sub("`[^`]*`", lambda code: code[0].replace(" ", _HARD_SPACE), text)
    lines = textwrap.wrap(joined, 120, break_on_hyphens=False, break_long_words=False)
    return [*(line.replace(_HARD_SPACE, " ") for line in lines), ""]
