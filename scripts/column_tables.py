"""Write the tables of columns in docs/store.md: those of the run table, of pairs, and of the exported samples.

    python scripts/column_tables.py            write them
    python scripts/column_tables.py --check    exit with 1 if they are not what the declarations say now

The declarations are in harness/store/columns/ and reports/pair_columns.py.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import OURS
from latency_bench.harness.store.parquet_export import run_field, samples_file_schema
from latency_bench.reports.pair_columns import PAIR_COLUMNS

PAGE = Path(__file__).parents[1] / "docs" / "store.md"
_TABLE = re.compile(r"(?<=\n\n)\| column \|[^\n]*\n(?:\|[^\n]*\n)+")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the page instead of writing it")
    options = parser.parse_args(arguments)
    old = PAGE.read_text(encoding="utf-8")
    new = with_tables(old)
    if options.check:
        if old != new:
            print(f"{PAGE.name} is not what the columns say; run `python scripts/column_tables.py`", file=sys.stderr)
        return int(old != new)
    PAGE.write_text(new, encoding="utf-8")
    return 0


def with_tables(page: str) -> str:
    """The page with its tables made anew. Raises ValueError for one that has no such three tables."""
    texts = re.split(_TABLE.pattern, page)
    headings = ("## Run table", "### Columns of pairs", "## Samples")
    if len(texts) != 4 or not all(heading in text for heading, text in zip(headings, texts, strict=False)):
        raise ValueError(f"{PAGE.name} needs a table of columns under each of {', '.join(headings)}")
    return "".join(
        text + table
        for text, table in zip(texts, (run_table(OURS), run_table(PAIR_COLUMNS), sample_table(), ""), strict=True)
    )


def run_table(columns: Sequence[Column]) -> str:
    lines = ["| column | short name | type | |", "|---|---|---|---|"]
    for column in columns:
        short = f"`{column.short}`" if column.short else ""
        lines.append(f"| `{column.name}` | {short} | {_type(run_field(column).type)} | {column.meaning} |")
    return "\n".join([*lines, ""])


def sample_table() -> str:
    lines = ["| column | type | |", "|---|---|---|"]
    for field in samples_file_schema():
        lines.append(f"| `{field.name}` | {_type(field.type)} | {field.metadata[b'description'].decode()} |")
    return "\n".join([*lines, ""])


def _type(arrow_type: object) -> str:
    """As Arrow names it, without the names of a list's items, which depend on Arrow's version."""
    return str(arrow_type).replace("element: ", "").replace("item: ", "")


if __name__ == "__main__":
    sys.exit(main())
