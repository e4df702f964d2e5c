"""`bench papers`: which papers there are, what they print, and whether their folders hold what they say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.examples import Group
from latency_bench.harness.cli.module_options import specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console

if TYPE_CHECKING:
    from rich.console import Console

    from latency_bench.reports.papers.checking import CheckedPaper
    from latency_bench.reports.papers.paper import Paper


@click.group(cls=Group, examples=["bench papers ls", "bench papers show segnext"])
def papers() -> None:
    """List, show, check and begin papers: folders with published tables."""


@papers.command("ls", examples=["bench papers ls", "bench papers ls --json"])
@json_option
def ls(as_json: bool) -> None:
    """List the papers that ship here and those of installed packages."""
    from latency_bench.reports.papers.catalog import find_paper
    from latency_bench.reports.papers.catalog import papers as known

    listed = [find_paper(name) for name in known()]
    if as_json:
        print_json([_brief(paper) for paper in listed])
        return
    from latency_bench.harness.cli.figures import printable
    from latency_bench.reports.terminal_grid import Heading, print_grid

    headings = [
        Heading("paper"),
        Heading("title", wraps=True),
        Heading("tables", right=True),
        Heading("rows", right=True),
        Heading("with a model", right=True),
        Heading("measured on", wraps=True),
    ]
    rows = [
        [
            printable(paper.name),
            printable(paper.file.title),
            str(len(paper.tables)),
            *map(str, _counted_rows(paper)),
            printable(", ".join(device.title for device in paper.file.devices.values()) or "-"),
        ]
        for paper in listed
    ]
    print_grid(stdout_console(), headings, rows)


def _counted_rows(paper: Paper) -> tuple[int, int]:
    """How many rows its tables have, and how many of them have a model here."""
    rows = [(table, row) for table in paper.tables for row in table.rows]
    return len(rows), sum(any(part.model_of(row) for part in table.parts) for table, row in rows)


def _brief(paper: Paper) -> dict[str, Any]:
    rows, with_model = _counted_rows(paper)
    return {
        "name": paper.name,
        "folder": str(paper.folder),
        "title": paper.file.title,
        "reference": paper.file.reference,
        "tables": [table.id for table in paper.tables],
        "figures": [figure.id for figure in paper.file.figures],
        "claims": len(paper.file.claims),
        "rows": rows,
        "rows_with_model": with_model,
    }


@papers.command("show", examples=["bench papers show fastvit", "bench papers show ./mypaper"])
@click.argument("name", metavar="NAME|FOLDER")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one paper: how its authors measured, its tables with their columns, and its claims."""
    from latency_bench.reports.papers.catalog import find_paper

    paper = find_paper(name)
    if as_json:
        print_json({**_brief(paper), "paper": paper.file.model_dump(mode="json")})
        return
    _show(paper, stdout_console())


def _show(paper: Paper, console: Console) -> None:
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable
    from latency_bench.reports.papers.paper_file import CONFIDENCE
    from latency_bench.reports.terminal_grid import print_facts

    file = paper.file
    console.print(Text.assemble((printable(paper.name), "bold"), f"  {printable(file.title)}"))
    facts = [
        ("reference", file.reference),
        ("link", file.link),
        ("measured", file.about),
        ("folder", str(paper.folder)),
    ]
    facts += [(f"device {name}", _device_words(device)) for name, device in file.devices.items()]
    print_facts(console, [(name, printable(text)) for name, text in facts if text])
    for table in paper.tables:
        console.print()
        named = sum(any(part.model_of(row) for part in table.parts) for row in table.rows)
        console.print(Text(printable(f"{table.label}. {table.fields.title}"), "bold"))
        lines = [
            ("rows", f"{len(table.rows)}, {named} with a model here"),
            ("columns", ", ".join(column.title for column in table.columns)),
            ("source", table.fields.source),
            ("how sure", CONFIDENCE.get(table.fields.confidence or "")),
        ]
        print_facts(console, [(name, printable(text)) for name, text in lines if text])
    if file.claims:
        console.print()
        console.print(Text("Claims", "bold"))
        for claim in file.claims:
            console.print(printable(f"  {claim.text}: {claim.factor} ({claim.where})"))


def _device_words(device: Any) -> str:
    words = [device.title, device.how, f"a latency contains {device.contains}" if device.contains else ""]
    return ", ".join(word for word in words if word)


@papers.command("check", examples=["bench papers check", "bench papers check ./mypaper --count"])
@specs_option
@click.argument("names", metavar="[NAME|FOLDER]...", nargs=-1)
@click.option("--count", "counts", is_flag=True, help="Build and count the models of timm and torchvision too.")
@json_option
def check(names: tuple[str, ...], counts: bool, as_json: bool) -> int:
    """Check papers (all, if none is named): rows against models, printed counts against ours, claims against cells.

    Exit code 1 where a folder is wrong: a row without a model and without a reason, a model that nobody has, a count
    that is 3 % off and not explained. A paper that contradicts itself is reported, and its folder
    is not at fault.
    """
    from latency_bench.reports.papers.catalog import find_paper
    from latency_bench.reports.papers.catalog import papers as known
    from latency_bench.reports.papers.checking import check_paper

    checked = [check_paper(find_paper(name), counts) for name in names or known()]
    if as_json:
        print_json([_check_json(one) for one in checked])
    else:
        for one in checked:
            _print_check(one, stdout_console())
    return 1 if any(one.problems for one in checked) else 0


def _check_json(checked: CheckedPaper) -> dict[str, Any]:
    return {
        "paper": checked.paper.name,
        "ok": not checked.problems,
        "problems": checked.problems,
        "absent": [dict(zip(("table", "row", "why"), one, strict=True)) for one in checked.absent],
        "unchecked": checked.unchecked,
        "counts": [vars(count) for count in checked.compared],
        "claims": [
            {
                "claim": one.claim.text,
                "where": one.claim.where,
                "claimed": one.claimed,
                "recomputed": one.recomputed,
                "agrees": one.agrees,
                "why": one.why,
            }
            for one in checked.claims
        ],
        "contradictions": [vars(one) for one in checked.contradictions],
    }


def _print_check(checked: CheckedPaper, console: Console) -> None:
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable

    ok = Text("ok", "green") if not checked.problems else Text("wrong", "red")
    console.print(Text.assemble((printable(checked.paper.name), "bold"), "  ", ok, f"  {_summary(checked)}"))
    for style, lines in (
        ("red", checked.problems),
        ("yellow", _disagreements(checked)),
        ("dim", _remarks(checked)),
    ):
        for line in lines:
            console.print(Text(f"  {printable(line)}", style))


def _summary(checked: CheckedPaper) -> str:
    rows, with_model = _counted_rows(checked.paper)
    recomputed = [one for one in checked.claims if one.agrees is not None]
    agreeing = sum(one.agrees is True for one in recomputed)
    words = [f"{with_model} of {rows} rows have a model here"]
    if checked.compared:
        words.append(f"{len(checked.compared) - len(checked.differing)} of {len(checked.compared)} counts agree")
    if checked.claims:
        words.append(f"{agreeing} of {len(recomputed)} claims that can be recomputed agree with the paper's cells")
    return "; ".join(words)


def _disagreements(checked: CheckedPaper) -> list[str]:
    """Where the paper contradicts itself."""
    claims = [
        f"claim and table disagree ({one.claim.where}): {one.claim.text}: {one.claimed} is claimed, the cells give "
        f"{one.recomputed} ({one.why})"
        for one in checked.claims
        if one.agrees is False
    ]
    cells = [f"two tables disagree: {one.row}, {one.what}: {one.first}, {one.second}" for one in checked.contradictions]
    return [*claims, *cells]


def _remarks(checked: CheckedPaper) -> list[str]:
    counts = [
        f"{one.table}, {one.row}: {one.published} {one.quantity} printed, {one.counted:.4g} counted: {one.reason}"
        for one in checked.differing
        if one.reason is not None
    ]
    claims = [
        f"not recomputed: {one.claim.text}: {one.claimed} ({one.why})" for one in checked.claims if one.agrees is None
    ]
    reasons: dict[str, list[str]] = {}
    for table, row, why in checked.absent:
        reasons.setdefault(f"{table}: {why}", []).append(row)
    absent = [f"without a model, {why} ({len(rows)}: {', '.join(rows)})" for why, rows in reasons.items()]
    libraries = [f"not checked, their library is not installed: {', '.join(checked.unchecked)}"]
    return [*counts, *claims, *absent, *(libraries if checked.unchecked else [])]


@papers.command(
    "new",
    examples=[
        "bench papers new mypaper --from table.csv --device 'iPhone 13'",
        "bench papers check ./mypaper",
        "bench report --paper ./mypaper --table 1",
    ],
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "csv_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file with a header and a row for each model.",
)
@click.option("--title", help="Title of the paper. Default: the folder's name.")
@click.option("--device", "device", help="What its latencies were measured on, e.g. 'iPhone 13'.")
def new(folder: Path, csv_file: Path, title: str | None, device: str | None) -> None:
    """Begin a folder for a paper from a CSV file: it is copied, and paper.yaml says what its columns seem to be."""
    from latency_bench.reports.papers.beginning import begin_paper

    for line in begin_paper(folder, csv_file, title, device):
        click.echo(line)
