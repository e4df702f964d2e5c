"""Every format that a table can be written in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from latency_bench.reports.errors import TableError
from latency_bench.reports.tables.csv_rows import csv_text, inert, records
from latency_bench.reports.tables.html import html
from latency_bench.reports.tables.latex import latex, siunitx
from latency_bench.reports.tables.markdown import markdown
from latency_bench.reports.tables.table import Table
from latency_bench.reports.text_files import write_text

SOURCES_FILE = "sources.csv"


def json_text(table: Table) -> str:
    """A list of records, as JSON."""
    return json.dumps(records(table), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


BY_ENDING: Mapping[str, Callable[[Table], str]] = {
    "md": markdown,
    "tex": latex,
    "csv": csv_text,
    "html": html,
    "json": json_text,
}
"""What a file's ending means where nothing else is said."""
FORMATS: Mapping[str, Callable[[Table], str]] = {**BY_ENDING, "siunitx": siunitx}
"""By name."""
_ENDINGS = {"siunitx": "siunitx.tex"}
"""Of the formats that are not named by their files' ending."""


def ending_of(path: Path) -> str:
    """The format that a file's name says. Raises TableError."""
    if (ending := path.suffix.removeprefix(".").lower()) not in BY_ENDING:
        raise TableError(f"{path}: a table's file ends in .{', .'.join(BY_ENDING)}")
    return ending


def write_tables(tables: Sequence[Table], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every table in every format, and `sources.csv` with the run behind every number. Each file is there whole
    or not at all. Returns their places. Raises StoreError where the folder cannot be written."""
    written = [
        write_table(table, folder / f"{table.name}.{_ENDINGS.get(name, name)}", name)
        for table in tables
        for name in formats
    ]
    return [*written, write_text(folder / SOURCES_FILE, sources_text(tables))]


def write_table(table: Table, path: Path, name: str) -> Path:
    """Write one table into a file, whole or not at all, in a format of FORMATS. Raises StoreError where it cannot be
    written."""
    return write_text(path, FORMATS[name](table))


def sources_text(tables: Sequence[Table]) -> str:
    """Which run (its folder in the store) each number is from: table, row, setting, column, run."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "row", "setting", "column", "run"))
    writer.writerows([table.name, *map(inert, source)] for table in tables for source in table.sources())
    return out.getvalue()
