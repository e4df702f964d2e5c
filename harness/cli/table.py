"""`bench table`: a table of one's own from any selection of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.run_selection_options import run_selection_options, selection_of, stored_runs
from latency_bench.harness.cli.shared_options import across_option
from latency_bench.reports.errors import TableError
from latency_bench.reports.tables.formats import BY_ENDING, FORMATS, ending_of

if TYPE_CHECKING:
    from latency_bench.reports.tables.table import Table


@click.command(
    cls=Command,
    examples=[
        "bench table --device desk --columns latency,ratio,peak_rss,macs,n --baseline mobilenetv2",
        "bench table --rows model --columns device,latency,n",
        "bench table --rows model,runtime --columns latency,rank,n --to runtimes.tex",
        "bench table --format siunitx --to table.tex  # for a paper that sets its numbers with siunitx",
    ],
)
@click.option(
    "--rows",
    metavar="NAME,...",
    help="What a row stands for: model, device, runtime, threads, resolution, setting, ... or any column. With several "
    "names, rows are grouped by the first. Default: model, and what else tells the runs apart.",
)
@click.option(
    "--columns",
    metavar="NAME,...",
    help="What is shown: latency, ratio, rank, n, accuracy, throughput, peak_rss, energy, file_size, params, macs, or "
    "any column. What tells runs apart (device, runtime, ...) stands side by side. Default: latency,n.",
)
@click.option(
    "--sort", metavar="NAME", help="Sort by this, the best or lowest first; -NAME reverses. Default: latency."
)
@click.option(
    "--baseline", metavar="VALUE", help="What ratios are relative to: a model, or NAME=VALUE, such as threads=1."
)
@across_option
@click.option(
    "--accuracy",
    "accuracy_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Show accuracies of this CSV file too: model,metric,value.",
)
@click.option("--title", default="", help="Title of the table. Default: what all runs have in common.")
@click.option(
    "--format",
    "named",
    type=click.Choice(list(FORMATS)),
    help="Print it in this format, or with --to write it so. siunitx is LaTeX with that package's columns.",
)
@click.option(
    "--to",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Write it into this file instead, in the format of its ending: {', '.join(BY_ENDING)}.",
)
@run_selection_options
@store_option
@json_option
def table(
    rows: str | None,
    columns: str | None,
    sort: str | None,
    baseline: str | None,
    across: tuple[str, ...],
    accuracy_file: Path | None,
    title: str,
    named: str | None,
    path: Path | None,
    store: str | None,
    as_json: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Make a table of any runs, for a paper, a page or a program: rows, columns, order and baseline as you like.

    The latest run of each case counts. A number has as many digits as its interval supports; only what is shown to be
    the best is bold. docs/tables.md says more.
    """
    from latency_bench.harness.installation.requirements import require
    from latency_bench.harness.store.location import store_location
    from latency_bench.reports.accuracy_file import read_accuracies
    from latency_bench.reports.chosen_table.build import Request, build_chosen_table, with_store
    from latency_bench.reports.plots.plot_selection import without_calibrations

    written_as = _format_of(path, named)
    accuracies = read_accuracies(accuracy_file) if accuracy_file is not None else []
    require(["pandas"])
    place = store_location(store)
    selection = selection_of(place, chosen)
    names = _words(rows, "--rows"), _words(columns, "--columns")
    request = with_store(Request(*names, sort, baseline, across, title, accuracies), place)
    made = build_chosen_table(without_calibrations(selection.of(stored_runs(place))), request)
    _put_out(made, path, written_as, as_json)


def _put_out(made: Table, path: Path | None, written_as: str | None, as_json: bool) -> None:
    from latency_bench.reports.tables.csv_rows import records
    from latency_bench.reports.tables.formats import write_table
    from latency_bench.reports.tables.terminal import print_table

    if path is not None and written_as is not None:
        write_table(made, path, written_as)
        print_json({"file": str(path)}) if as_json else click.echo(str(path))
    elif as_json:
        print_json(records(made))
    elif written_as is not None:
        click.echo(FORMATS[written_as](made), nl=False)
    else:
        print_table(made, stdout_console())


def _format_of(path: Path | None, named: str | None) -> str | None:
    """That of --format, else of the file's ending."""
    if path is None or named is not None:
        return named
    try:
        return ending_of(path)
    except TableError as error:
        raise click.UsageError(f"--to {error}; or give --format as well") from None


def _words(text: str | None, option: str) -> list[str]:
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if twice := [word for place, word in enumerate(words) if word in words[:place]]:
        raise click.UsageError(f"{option} {text}: {twice[0]} is named twice")
    return words
