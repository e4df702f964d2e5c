"""`bench plot`: any single figure from any selection of runs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import click

from latency_bench.harness.cli.output import json_option, print_json, store_option
from latency_bench.harness.cli.run_selection_options import run_selection_options, selection_of, stored_runs
from latency_bench.reports.plots.kinds import KINDS

_EPILOG = "\b\nKinds:\n" + "\n".join(f"  {name:<17} {kind.help}" for name, kind in KINDS.items())


@click.command(epilog=_EPILOG)
@click.argument("kind", type=click.Choice(list(KINDS)), metavar="KIND")
@click.option("--to", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="PDF, SVG or PNG.")
@run_selection_options
@click.option("--published", is_flag=True, help="Add panels with the paper's own numbers, marked as published.")
@click.option(
    "--accuracy",
    "accuracy_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Latency and throughput: accuracies of this CSV file (model,metric,value) in place of the published ones.",
)
@click.option(
    "--x", metavar="COLUMN", help="Scatter: the number across, such as macs. Latency and sam: this for the speed."
)
@click.option("--y", metavar="COLUMN", help="Scatter: the number upwards. docs/store.md lists all columns.")
@click.option(
    "--width",
    type=click.Choice(["single", "double"]),
    default="double",
    show_default=True,
    help="Width in a paper of two columns: 3.4 or 7 inches.",
)
@store_option
@json_option
def plot(
    kind: str,
    path: Path,
    published: bool,
    accuracy_file: Path | None,
    x: str | None,
    y: str | None,
    width: Literal["single", "double"],
    store: str | None,
    as_json: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Draw one figure from stored runs, and write beside it, as CSV, the numbers that it shows.

    \b
    bench plot latency --device local --to latency.pdf
    bench plot latency --accuracy accuracy.csv --to pareto.pdf
    bench plot timeline --run latest --to run.svg
    """
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.store.location import store_location
    from latency_bench.reports.accuracy_file import read_accuracies
    from latency_bench.reports.plots.kinds import Options, write

    accuracies = tuple(read_accuracies(accuracy_file)) if accuracy_file is not None else ()
    require(["pandas", "matplotlib"])
    place = store_location(store)
    selection = selection_of(place, chosen)
    runs = stored_runs(place)
    options = Options(width, published, x, y, accuracies, tuple(map(str, chosen["dataset"])), runs)
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
