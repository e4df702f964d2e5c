"""`bench report`: the paper's tables, figures and claims, with what was measured beside what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import DEVICE
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.paper_options import paper_named, paper_option
from latency_bench.harness.cli.report_source import Source, say
from latency_bench.harness.cli.shared_options import Number, across_option
from latency_bench.reports.claims.claim_verdicts import MARGIN
from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.tables.formats import BY_ENDING, FORMATS

if TYPE_CHECKING:
    from latency_bench.reports.papers.paper import Paper, PaperTable
    from latency_bench.reports.papers.paper_file import Figure
    from latency_bench.reports.tables.table import Table

FIGURE_FORMATS = ("pdf", "svg", "png")
DEFAULT_FOLDER = Path("report")
PAGE = "index.html"


@click.command(
    cls=Command,
    examples=[
        "bench report  # what there is",
        "bench report --table 2  # a table on the terminal",
        "bench report --table 2 --format tex  # the same for a paper",
        "bench report --paper segnext --table all  # the tables of another paper; `bench papers ls` names them",
        "bench report --table 2 --columns energy,peak_rss",
        "bench report --claims --device local  # the paper's claims, judged on this computer",
        "bench report --agreement iformer  # does its order of models hold here?",
        "bench report --all --to report  # everything, as files",
    ],
)
@paper_option
@click.option(
    "--table", "tables", multiple=True, metavar="ID|all", help="This table of the paper, or all of them; repeatable."
)
@click.option("--figure", "figures", multiple=True, metavar="ID", help="This figure of the paper; repeatable.")
@click.option(
    "--agreement",
    "places",
    multiple=True,
    metavar="PAPER|DEVICE",
    help="Does the order of models carry over? Your runs and published ones are set against the devices of this paper, "
    "or against this device of `bench published`; repeatable.",
)
@click.option("--claims", is_flag=True, help="The claims of the paper's text, each with a verdict.")
@click.option("--html", is_flag=True, help="One self-contained page with everything.")
@click.option(
    "--every-run",
    is_flag=True,
    help="With --html: the details of all runs, in further pages beside it, where one page has no room for them.",
)
@click.option("--all", "everything", is_flag=True, help="All tables, figures and claims, and the page, as files.")
@click.option(
    "--device", "devices", type=DEVICE, multiple=True, help="Only this device; this and the next three are repeatable."
)
@click.option("--runtime", "runtimes", multiple=True, help="Only this runtime.")
@click.option("--precision", "precisions", multiple=True, help="Only this precision.")
@click.option(
    "--threads", multiple=True, type=click.IntRange(min=1), help="Only runs with this many threads of a CPU runtime."
)
@click.option(
    "--columns",
    metavar="NAME,...",
    help="Tables also show these of every run: peak_rss, file_size, energy, n, ... docs/store.md lists them all.",
)
@click.option(
    "--margin",
    type=Number(min=1, min_open=True),
    default=MARGIN,
    show_default=True,
    help="A claimed factor is reproduced where the measured one lies within this factor of it, up or down.",
)
@across_option
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write files into this folder. Default: tables and claims to the terminal, all else into ./report.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice([*FORMATS, *FIGURE_FORMATS]),
    help="md, tex, siunitx (LaTeX with that package's columns), csv, html or json for tables and claims, pdf, svg or "
    "png for figures; repeatable. Default in files: all of them but siunitx.",
)
@store_option
@json_option
def report(
    paper_text: str | None,
    devices: tuple[str, ...],
    runtimes: tuple[str, ...],
    precisions: tuple[str, ...],
    threads: tuple[int, ...],
    columns: str | None,
    margin: float,
    across: tuple[str, ...],
    folder: Path | None,
    formats: tuple[str, ...],
    store: str | None,
    as_json: bool,
    **wanted: Any,
) -> None:
    """The paper's tables, figures and claims: what was measured beside what was published."""
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.store.columns.registry import find_columns
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.row_selection import Selection

    shown = tuple(find_columns(columns or ""))
    paper = paper_named(paper_text)
    parts = _Parts.of(paper, **wanted)
    require(parts.modules())
    chosen = Selection(device=devices, runtime=runtimes, precision=precisions, threads=threads)
    place = store_location(store)
    source = Source(place, chosen, store, shown, across, margin, paper=paper, paper_text=paper_text)
    if parts == _Parts():
        from latency_bench.harness.cli.report_summary import print_summary, summary_json

        print_json(summary_json(source)) if as_json else print_summary(source, stdout_console())
    else:
        _report(source, parts, folder, formats, as_json)
    if source.broken:
        say(f"{len(source.broken)} of the runs cannot be read; `bench results verify` says which and why")


@dataclass(frozen=True)
class _Parts:
    """What was asked for."""

    tables: tuple[PaperTable, ...] = ()
    figures: tuple[Figure, ...] = ()
    places: tuple[str, ...] = ()
    claims: bool = False
    html: bool = False
    everything: bool = False
    every_run: bool = False

    def modules(self) -> list[str]:
        """What drawing up these parts imports."""
        page = ["jinja2", "markupsafe"] if self.html else []
        return ["pandas", *page, *(["matplotlib"] if self.html or self.figures or self.places else [])]

    @classmethod
    def of(
        cls,
        paper: Paper,
        tables: tuple[str, ...],
        figures: tuple[str, ...],
        places: tuple[str, ...],
        claims: bool,
        html: bool,
        everything: bool,
        every_run: bool,
    ) -> _Parts:
        """Raises PaperError for a table or figure that the paper does not have, and for claims where it has none."""
        if everything:
            return cls(paper.tables, paper.file.figures, places, bool(paper.file.claims), True, True, every_run)
        if every_run and not html:
            raise click.UsageError("--every-run is about the page; add --html")
        if claims and not paper.file.claims:
            raise PaperError(
                f"the paper {paper.name} does not list claims; its paper.yaml may have them under `claims`"
            )
        chosen = paper.tables_named(tables), paper.figures_named(figures)
        return cls(*chosen, places, claims, html, every_run=every_run)


def _report(source: Source, parts: _Parts, folder: Path | None, formats: Sequence[str], as_json: bool) -> None:
    from latency_bench.reports.agreement.table import build_agreement

    tables = source.tables(parts.tables, parts.claims)
    found = source.agreements(parts.places)
    tables += [build_agreement(found)] if found else []
    of_tables = [name for name in FORMATS if name in formats]
    of_figures = [name for name in FIGURE_FORMATS if name in formats] or FIGURE_FORMATS
    to_terminal = folder is None and not parts.everything
    place = folder or DEFAULT_FOLDER
    written: list[Path] = []
    if tables and not to_terminal:
        from latency_bench.reports.tables.formats import write_tables

        written += write_tables(tables, place, of_tables or list(BY_ENDING))
    written += source.write_figures(parts.figures, place, of_figures, required=not parts.everything)
    if found and not to_terminal:
        written += source.write_agreement(found, place, of_figures)
    if parts.html:
        written += source.write_page(place / PAGE, parts.every_run)
    if as_json:
        from latency_bench.reports.tables.csv_rows import records

        print_json({
            "tables": {table.name: records(table) for table in tables},
            "files": [str(path) for path in written],
        })  # fmt: skip
        return
    if to_terminal:
        _show(tables, of_tables)
    for path in written:
        click.echo(str(path))


def _show(tables: Sequence[Table], formats: Sequence[str]) -> None:
    from latency_bench.reports.tables.terminal import print_table

    console = stdout_console()
    for index, table in enumerate(tables):
        for name in formats:
            click.echo(FORMATS[name](table), nl=False)
        if not formats:
            if index:
                console.print()
            print_table(table, console)
