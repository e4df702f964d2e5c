"""`bench plot`: any single figure from any selection of runs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, store_option
from latency_bench.harness.cli.paper_options import paper_named, paper_option
from latency_bench.harness.cli.run_selection_options import run_selection_options, selection_of, stored_runs


class _WithKinds(Command):
    """Lists the kinds below its help, with the plots of the default paper's figures among them."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from latency_bench.reports.papers.catalog import default_paper
        from latency_bench.reports.plots.kinds import kinds_of

        with formatter.section("Kinds"):
            formatter.write_dl([(name, kind.help) for name, kind in kinds_of(default_paper()).items()])


@click.command(
    cls=_WithKinds,
    examples=[
        "bench plot latency --device local --to latency.pdf",
        "bench plot latency --accuracy accuracy.csv --to pareto.pdf",
        "bench plot timeline --run latest --to run.svg",
    ],
)
@click.argument("kind", metavar="KIND")
@click.option("--to", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="PDF, SVG or PNG.")
@run_selection_options
@click.option("--published", is_flag=True, help="Add panels with the paper's own numbers, marked as published.")
@paper_option
@click.option(
    "--accuracy",
    "accuracy_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Latency and throughput: accuracies of this CSV file (model,metric,value) in place of the published ones.",
)
@click.option(
    "--x",
    metavar="COLUMN",
    help="Scatter: column of the horizontal axis, such as macs. Latency and throughput: drawn in place of the speed.",
)
@click.option("--y", metavar="COLUMN", help="Scatter: column of the vertical axis. docs/store.md lists all columns.")
@click.option(
    "--width",
    type=click.Choice(["single", "double"]),
    default="double",
    show_default=True,
    help="Width for a two-column paper: 3.4 or 7 inches.",
)
@store_option
@json_option
def plot(
    kind: str,
    path: Path,
    published: bool,
    paper_text: str | None,
    accuracy_file: Path | None,
    x: str | None,
    y: str | None,
    width: Literal["single", "double"],
    store: str | None,
    as_json: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Draw one figure from stored runs, and write beside it, as CSV, the numbers that it shows."""
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.store.location import store_location
    from latency_bench.reports.accuracy_file import read_accuracies
    from latency_bench.reports.plots.kinds import Options, plot_of, write

    paper = paper_named(paper_text)
    plot_of(paper, kind)
    accuracies = tuple(read_accuracies(accuracy_file)) if accuracy_file is not None else ()
    require(["pandas", "matplotlib"])
    place = store_location(store)
    selection = selection_of(place, chosen)
    runs = stored_runs(place)
    datasets = tuple(map(str, chosen["dataset"]))
    options = Options(width, published, x, y, accuracies, datasets, paper, everything=runs)
    with warnings.catch_warnings(record=True) as seen:
        written = write(kind, selection.of(runs), place, path, options)
    for one in seen:
        _warn(str(one.message))
    if as_json:
        print_json({"kind": kind, "figure": str(written[0]), "data": str(written[1])})
    else:
        click.echo(f"{written[0]}\n{written[1]}")


def _warn(message: str) -> None:
    click.echo(f"bench: {message}", err=True)
