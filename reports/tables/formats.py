"""Every format that a table can be written in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from latency_bench.reports.errors import TableError
from latency_bench.reports.tables.csv_rows import csv_text, inert, records
from latency_bench.reports.tables.html import html
from latency_bench.reports.tables.latex import latex
from latency_bench.reports.tables.markdown import markdown
from latency_bench.reports.tables.table import Table
from latency_bench.reports.text_files import write_text

SOURCES_FILE = "sources.csv"


def json_text(table: Table) -> str:
    """A list of records, as JSON."""
    return json.dumps(records(table), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: Mapping[str, Callable[[Table], str]] = {
    "md": markdown,
    "tex": latex,
    "csv": csv_text,
    "html": html,
    "json": json_text,
}
"""By the ending of the file."""


def ending_of(path: Path) -> str:
    """The format that a file's name says. Raises TableError."""
    if (ending := path.suffix.removeprefix(".").lower()) not in FORMATS:
        raise TableError(f"{path}: a table's file ends in .{', .'.join(FORMATS)}")
    return ending


def write_tables(tables: Sequence[Table], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every table in every format, and `sources.csv` with the run behind every number. Each file is there whole
    or not at all. Returns their places. Raises StoreError where the folder cannot be written."""
    written = [write_table(table, folder / f"{table.name}.{ending}", ending) for table in tables for ending in formats]
    return [*written, write_text(folder / SOURCES_FILE, sources_text(tables))]


def write_table(table: Table, path: Path, ending: str) -> Path:
    """Write one table into a file, whole or not at all, in a format of FORMATS. Raises StoreError where it cannot be
    written."""
    return write_text(path, FORMATS[ending](table))


def sources_text(tables: Sequence[Table]) -> str:
    """Which run (its folder in the store) each number is from: table, row, setting, column, run."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "row", "setting", "column", "run"))
    writer.writerows([table.name, *map(inert, source)] for table in tables for source in table.sources())
    return out.getvalue()
