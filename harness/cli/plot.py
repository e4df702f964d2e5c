"""`bench plot`: any single figure from any selection of runs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from latency_bench.harness.cli.output import json_option, print_json, store_option
from latency_bench.harness.cli.shared_options import Resolution
from latency_bench.reports.plots.kinds import KINDS

if TYPE_CHECKING:
    from latency_bench.harness.store.reader import BrokenRun

_EPILOG = "\b\nKinds:\n" + "\n".join(f"  {name:<17} {kind.help}" for name, kind in KINDS.items())


@click.command(epilog=_EPILOG)
@click.argument("kind", type=click.Choice(list(KINDS)), metavar="KIND")
@click.option("--to", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="PDF, SVG or PNG.")
@click.option("--device", multiple=True, help="Only runs on this device; this and all below are repeatable.")
@click.option("--model", multiple=True, help="Only runs of this model.")
@click.option("--dataset", multiple=True, help="Only runs of models for this data set.")
@click.option("--runtime", multiple=True, help="Only runs with this runtime.")
@click.option("--precision", multiple=True, help="Only runs at this precision.")
@click.option("--threads", multiple=True, type=int, help="Only runs with this many threads.")
@click.option("--batch", multiple=True, type=int, help="Only runs with this many images per request.")
@click.option("--resolution", multiple=True, type=Resolution(), help="Only runs at this input size, HxW.")
@click.option("--run", "run_ids", multiple=True, metavar="ID", help="This run: an id, its beginning, or `latest`.")
@click.option("--published", is_flag=True, help="Add panels with the paper's own numbers, marked as published.")
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
    run_ids: tuple[str, ...],
    published: bool,
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
    bench plot timeline --run latest --to run.svg
    """
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.store.listing import load_runs
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.reader import find_run
    from latency_bench.harness.store.row_selection import Selection
    from latency_bench.reports.plots.kinds import Options, write

    require(["pandas", "matplotlib"])
    place = store_location(store)
    selection = Selection(**chosen, run_id=[find_run(place, one).name for one in run_ids])
    broken: list[BrokenRun] = []
    runs = load_runs(place, on_broken=broken.append)
    if broken:
        _warn(f"{len(broken)} of the runs cannot be read; `bench results verify` says which and why")
    options = Options(width=width, published=published, x=x, y=y, everything=runs)
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
