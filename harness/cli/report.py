"""`bench report`: the paper's tables, figures and claims, with what was measured beside what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import DEVICE
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.report_source import Source, say
from latency_bench.harness.cli.shared_options import across_option
from latency_bench.reports.claims.claim_verdicts import MARGIN
from latency_bench.reports.plots.kinds import FIGURES
from latency_bench.reports.tables.formats import FORMATS

if TYPE_CHECKING:
    from latency_bench.reports.tables.table import Table

FIGURE_FORMATS = ("pdf", "svg", "png")
DEFAULT_FOLDER = Path("report")
PAGE = "index.html"


@click.command()
@click.option(
    "--table", "tables", multiple=True, type=click.IntRange(1, 7), help="This table of the paper; repeatable."
)
@click.option(
    "--figure",
    "figures",
    multiple=True,
    type=click.Choice([str(number) for number in FIGURES]),
    help="This figure of the paper; repeatable.",
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
    type=click.FloatRange(min=1, min_open=True),
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
    help="md, tex, csv, html or json for tables and claims, pdf, svg or png for figures; repeatable. "
    "Default in files: all of them.",
)
@store_option
@json_option
def report(
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
    """The paper's tables, figures and claims: what was measured beside what was published.

    \b
    bench report                              what there is
    bench report --table 3                    Table 3 on the terminal
    bench report --table 3 --format tex       the same for a paper
    bench report --table 2 --columns energy,peak_rss
    bench report --claims --device local      the paper's claims, judged on this computer
    bench report --all --to report            everything, as files
    """
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.store.columns.registry import find_columns
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.row_selection import Selection

    shown = tuple(find_columns(columns or ""))
    parts = _Parts.of(**wanted)
    require(parts.modules())
    chosen = Selection(device=devices, runtime=runtimes, precision=precisions, threads=threads)
    source = Source(store_location(store), chosen, store, shown, across, margin)
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

    tables: tuple[int, ...] = ()
    figures: tuple[int, ...] = ()
    claims: bool = False
    html: bool = False
    everything: bool = False
    every_run: bool = False

    def modules(self) -> list[str]:
        """What drawing up these parts imports."""
        page = ["jinja2", "markupsafe"] if self.html else []
        return ["pandas", *page, *(["matplotlib"] if self.html or self.figures else [])]

    @classmethod
    def of(
        cls, tables: Sequence[int], figures: Sequence[str], claims: bool, html: bool, everything: bool, every_run: bool
    ) -> _Parts:
        if everything:
            return cls(tuple(range(1, 8)), tuple(FIGURES), True, True, True, every_run)
        if every_run and not html:
            raise click.UsageError("--every-run is about the page; add --html")
        chosen = tuple(dict.fromkeys(tables)), tuple(dict.fromkeys(map(int, figures)))
        return cls(*chosen, claims, html, every_run=every_run)


def _report(source: Source, parts: _Parts, folder: Path | None, formats: Sequence[str], as_json: bool) -> None:
    tables = source.tables(parts.tables, parts.claims)
    of_tables = [name for name in FORMATS if name in formats]
    of_figures = [name for name in FIGURE_FORMATS if name in formats] or FIGURE_FORMATS
    to_terminal = folder is None and not parts.everything
    place = folder or DEFAULT_FOLDER
    written: list[Path] = []
    if tables and not to_terminal:
        from latency_bench.reports.tables.formats import write_tables

        written += write_tables(tables, place, of_tables or list(FORMATS))
    written += source.write_figures(parts.figures, place, of_figures, required=not parts.everything)
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
