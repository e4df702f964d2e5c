"""What `bench report` prints without options: what there is, and where to go from there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from latency_bench.harness.cli.figures import counted
from latency_bench.harness.cli.report_source import Source

if TYPE_CHECKING:
    from rich.console import Console

    from latency_bench.reports.papers.paper import PaperTable
    from latency_bench.reports.tables.table import Block, Cell, Table

_DONE = ("done", "unstable")


def measurable(source: Source) -> list[PaperTable]:
    """The paper's tables without those that are accuracy alone."""
    return [table for table in source.paper.tables if table.parts]


def summary_json(source: Source) -> dict[str, Any]:
    """Runs, and of each setting how many rows of each table were measured, failed, or were not measured yet."""
    settings = coverage(source.tables(measurable(source), claims=False))
    return {"runs": len(source.runs), "unreadable": len(source.broken), "settings": settings}


def coverage(tables: list[Table]) -> list[dict[str, Any]]:
    """One entry a setting, in the order of the tables' columns; a table has only the settings that it was tried in."""
    found: dict[str, dict[str, Any]] = {}
    for table in tables:
        for index, block in enumerate(table.blocks):
            if block.facts:
                entry = found.setdefault(block.title, {"setting": block.title, **block.facts, "tables": {}})
                entry["tables"][table.name] = _counts([row.cells[index] for row in table.rows], block)
    return [found[title] for title in sorted(found)]


def print_summary(source: Source, console: Console) -> None:
    """A grid of settings and tables, and the commands that show more."""
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable
    from latency_bench.reports.terminal_grid import Heading, print_grid

    runs = source.runs
    tables = source.tables(measurable(source), claims=False)
    devices = runs["device"].nunique()
    console.print(f"{counted(len(runs), 'run')} on {counted(devices, 'device')} in {printable(str(source.place))}")
    if not len(runs):
        console.print("Nothing was measured yet; begin with `bench run --model b1-seg`.")
    headings = [Heading("rows measured", wraps=True), *(Heading(table.label, right=True) for table in tables)]
    rows = [
        [printable(entry["setting"]), *(_words(entry["tables"].get(table.name)) for table in tables)]
        for entry in coverage(tables)
    ]
    console.print()
    print_grid(console, headings, rows)
    console.print()
    for command, what in _next(source):
        console.print(Text.assemble((f"  {command:<40}", "bold"), what))


def _next(source: Source) -> Iterator[tuple[str, str]]:
    """The commands that show more, with names that the paper has."""
    paper, named = source.paper, source.named
    table = next((table.id for table in paper.tables if table.parts and table.accuracy), "all")
    yield f"bench report --table {table}{named}", "a table, with the commands that would fill its gaps"
    if paper.file.claims:
        yield f"bench report --claims{named}", "which of the paper's claims hold here"
    if paper.file.figures:
        yield f"bench report --figure {paper.file.figures[0].id}{named}", "a figure, as PDF, SVG and PNG"
    yield f"bench report --html{named}", "one page with everything"
    yield f"bench report --all --to report{named}", "all of it as files: Markdown, LaTeX, CSV, HTML"


def _counts(rows: list[tuple[Cell, ...]], block: Block) -> dict[str, int]:
    """Of the rows that there is something to measure of."""
    counts = {"rows": 0, "measured": 0, "failed": 0}
    for cells in rows:
        statuses = {cell.status for cell in cells} - {""}
        counts["rows"] += bool(statuses)
        counts["measured"] += bool(statuses.intersection(_DONE))
        counts["failed"] += "failed" in statuses and not statuses.intersection(_DONE)
    return counts


def _words(counts: dict[str, int] | None) -> str:
    if counts is None:
        return "–"
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    return f"{counts['measured']}/{counts['rows']}{failed}"
