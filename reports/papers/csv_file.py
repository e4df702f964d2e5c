"""A paper's CSV file: read whole, within limits, every complaint with file and line.

The file may be anybody's. Nothing in it is more than text; a number is only read where paper.yaml says that a column
has some.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from latency_bench.reports.papers.errors import PaperError

MOST_BYTES = 4_000_000
MOST_ROWS = 5_000
MOST_COLUMNS = 200
LONGEST_CELL = 2_000


@dataclass(frozen=True)
class CsvRow:
    """One line of the file, cell text by column name; `line` as editors count."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class CsvFile:
    """A table as printed."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[CsvRow, ...]

    def problem(self, row: CsvRow, column: str, what: str) -> PaperError:
        """An error that names the place of a cell."""
        return PaperError(f"{self.path}:{row.line}: column {column!r}: {what}")


def file_in(folder: Path, name: str) -> Path:
    """A plain file of this name that lies in the folder. Raises PaperError."""
    path = folder / name
    try:
        real = path.resolve(strict=True)
        if real.parent != folder.resolve(strict=True):
            raise PaperError(f"{path} leads out of the paper's folder, to {real}; copy the file into the folder")
        if not real.is_file():
            raise PaperError(f"{path} is not an ordinary file")
    except (OSError, RuntimeError) as error:
        raise PaperError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return path


def text_of(path: Path, most_bytes: int) -> str:
    """The text of a file that is no larger than this. Raises PaperError."""
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise PaperError(f"{path} has more than {most_bytes:,} bytes, which is more than a paper prints")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PaperError(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise PaperError(f"{path}: cannot be read: {error.strerror or error}") from None


def read_csv(folder: Path, name: str) -> CsvFile:
    """Raises PaperError for what is no table: a header with names of its own, and as many cells in every line."""
    path = file_in(folder, name)
    reader = csv.reader(io.StringIO(text_of(path, MOST_BYTES), newline=""), strict=True)
    try:
        columns = tuple(next(reader, ()))
        _check_header(path, columns)
        rows: list[CsvRow] = []
        for cells in reader:
            if not cells:
                continue
            if len(rows) == MOST_ROWS:
                raise PaperError(f"{path}:{reader.line_num}: more than {MOST_ROWS:,} rows; a paper's table has fewer")
            if len(cells) != len(columns):
                raise PaperError(f"{path}:{reader.line_num}: {len(cells)} cells, and the header has {len(columns)}")
            if any(len(cell) > LONGEST_CELL for cell in cells):
                raise PaperError(f"{path}:{reader.line_num}: a cell has more than {LONGEST_CELL:,} letters")
            rows.append(CsvRow(reader.line_num, dict(zip(columns, cells, strict=True))))
    except csv.Error as error:
        raise PaperError(f"{path}:{reader.line_num}: not valid CSV: {error}") from None
    return CsvFile(path, columns, tuple(rows))


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    if not columns:
        raise PaperError(f"{path}:1: the file is empty; its first line names the columns")
    if len(columns) > MOST_COLUMNS:
        raise PaperError(f"{path}:1: more than {MOST_COLUMNS} columns")
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise PaperError(f"{path}:1: two columns are called {twice!r}")


def as_number(text: str) -> float | None:
    """A printed cell as a number; None for an empty one. Raises ValueError for anything that is no finite number."""
    if not text.strip():
        return None
    value = float(text)
    if not math.isfinite(value) or "_" in text:
        raise ValueError(text)
    return value
