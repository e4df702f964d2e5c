"""`bench results ls`: the runs of a store, one line each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import DEVICE, MODEL
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from latency_bench.harness.store.columns.column import Column
    from latency_bench.harness.store.index import Row
    from latency_bench.harness.store.reader import BrokenRun
    from latency_bench.harness.store.record import Status
    from latency_bench.reports.terminal_grid import Cell, Heading

_FULL_WIDTH = 135
"""Columns from which on a terminal has room for whole run ids and dates."""
_SHOWN = (
    *("run_id", "path", "status", "started_at", "device", "model", "runtime", "precision", "batch", "height", "width"),
    *("median_ms", "low_ms", "high_ms", "samples", "rounds", "round_samples", "flags"),
)
"""Columns that a list has where nobody asks for others."""
_POOLED = "latency,n"
"""What stands beside the columns of --by unless --columns says."""


@click.command(
    "ls",
    cls=Command,
    examples=[
        "bench results ls --columns model,runtime,latency,peak_rss,file_size,macs,n --sort latency",
        "bench results ls --by device,model --columns latency,energy",
        "bench results ls --columns model,latency,pair_ratio,pair_over  # ratios that were measured as pairs",
    ],
)
@click.option("--device", type=DEVICE, help="Only runs on this device.")
@click.option("--model", type=MODEL, help="Only runs of this model.")
@click.option("--status", type=click.Choice(["done", "unstable", "failed"]), help="Only runs that ended like this.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="At most this many runs: the latest, or with --sort the first."
)
@click.option(
    "--columns",
    "names",
    metavar="NAME,...",
    help="Show these columns, for example model,latency,peak_rss,energy,n; pair_ratio and pair_over tell what the "
    "latest pair of each run's case found. docs/store.md lists them all.",
)
@click.option("--sort", metavar="NAME", help="Sort by this column, the best or lowest first; -NAME reverses the order.")
@click.option(
    "--by", metavar="NAME,...", help="One line for all runs that agree in these columns, with their values pooled."
)
@click.option("--pairs", is_flag=True, help="List paired measurements (`bench pair`) instead of runs.")
@click.option("--accuracy", is_flag=True, help="List what `bench accuracy` measured instead of runs.")
@store_option
@json_option
def ls(
    device: str | None,
    model: str | None,
    status: Status | None,
    limit: int | None,
    names: str | None,
    sort: str | None,
    by: str | None,
    pairs: bool,
    accuracy: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """List the runs, latest first."""
    from latency_bench.harness.model_file.model_named import model_named
    from latency_bench.harness.store.columns.registry import find_columns
    from latency_bench.harness.store.listing import find_rows
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.mirrors import store_label
    from latency_bench.harness.store.pair_listing import find_pairs
    from latency_bench.harness.store.row_order import pooled_rows, sorted_rows
    from latency_bench.reports.pair_columns import PAIR_COLUMNS, need_pairs, with_pair_columns
    from latency_bench.reports.paired_ratios import PairedRatios
    from latency_bench.reports.terminal_grid import print_grid

    if pairs or accuracy:
        _refuse_beside("--pairs" if pairs else "--accuracy", accuracy and pairs)
    model = None if model is None else model_named(model)
    groups = find_columns(by or "", PAIR_COLUMNS)
    shown = find_columns(names or (_POOLED if by else ""), PAIR_COLUMNS)
    order = find_columns((sort or "").removeprefix("-"), PAIR_COLUMNS)
    location = store_location(store)
    broken: list[BrokenRun] = []
    if pairs:
        _list_pairs(location, device, limit, as_json, broken)
        return
    if accuracy:
        _list_accuracies(location, device, limit, as_json, broken)
        return
    only = () if shown or sort else _SHOWN
    found: Iterable[Row] = find_rows(location, device, model, status, on_broken=broken.append, only=only)
    beside = PAIR_COLUMNS if need_pairs([*groups, *shown, *order]) else ()
    if beside:
        found = with_pair_columns(found, PairedRatios.of(find_pairs(location, device)))
    if groups:
        found = pooled_rows(found, groups, beside)
        shown = [*groups, *(column for column in shown if column not in groups)]
    for column in reversed(order):
        found = sorted_rows(found, column, backwards=str(sort).startswith("-"))
    rows = list(islice(found, limit))
    if as_json:
        print_json([_named(row, shown) if shown else _brief(row, location) for row in rows])
    elif rows:
        print_grid(stdout_console(), *(_of_columns(rows, shown) if shown else _usual(rows)))
    else:
        click.echo(f"no runs{' that match' if device or model or status else ''} in {store_label(location)}", err=True)
    _say_broken(broken, "runs")


def _refuse_beside(option: str, both: bool) -> None:
    """Raises UsageError for an option of runs beside a list of something else, which would not follow it."""
    if both:
        raise click.UsageError("--pairs and --accuracy are two lists: one at a time")
    given = click.get_current_context().params
    of_runs = ("model", "status", "columns", "sort", "by")
    parameters = {"columns": "names"}
    if ignored := [name for name in of_runs if given[parameters.get(name, name)] is not None]:
        raise click.UsageError(f"--{ignored[0]} is for a list of runs, not for {option}")


def _list_pairs(store: Path, device: str | None, limit: int | None, as_json: bool, broken: list[BrokenRun]) -> None:
    from latency_bench.harness.cli.results.pair_lines import print_pairs
    from latency_bench.harness.store.mirrors import store_label
    from latency_bench.harness.store.pair_listing import find_pairs

    if not print_pairs(islice(find_pairs(store, device, broken.append), limit), as_json) and not as_json:
        click.echo(f"no pairs{' that match' if device else ''} in {store_label(store)}", err=True)
    _say_broken(broken, "pairs")


def _list_accuracies(
    store: Path, device: str | None, limit: int | None, as_json: bool, broken: list[BrokenRun]
) -> None:
    from latency_bench.harness.cli.accuracy import value_with_unit
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.store.accuracy_listing import find_accuracies
    from latency_bench.harness.store.mirrors import store_label
    from latency_bench.reports.terminal_grid import Heading, print_grid

    found = list(islice(find_accuracies(store, device, broken.append), limit))
    if as_json:
        print_json([one.record.to_result_json(one.path) for one in found])
    elif found:
        titles = ("run", "device", "model", "runtime", "precision", "data")
        headings = [
            *(Heading(title, wraps=title in ("model", "data")) for title in titles),
            Heading("images", right=True),
        ]
        rows: list[list[Cell]] = []
        for one in found:
            record = one.record
            metrics = ", ".join(f"{name} {value_with_unit(metric)}" for name, metric in record.metrics.items())
            words = (record.run_id, record.device.name, record.model.id, record.runtime.name, record.model.precision)
            cells = [*words, record.data.folder, str(record.images), metrics]
            rows.append([printable(cell) for cell in cells])
        print_grid(stdout_console(), [*headings, Heading("metrics", wraps=True)], rows)
    else:
        click.echo(f"no accuracies{' that match' if device else ''} in {store_label(store)}", err=True)
    _say_broken(broken, "accuracies")


def _say_broken(broken: list[BrokenRun], what: str) -> None:
    if broken:
        click.echo(
            f"bench: {len(broken)} of the {what} cannot be read; `bench results verify` says which and why", err=True
        )


def _of_columns(rows: Sequence[Row], shown: Sequence[Column]) -> tuple[list[Heading], list[list[Cell]]]:
    """What --columns asks for; a number's interval stands behind it."""
    from latency_bench.harness.store.row_order import RUN_COUNT
    from latency_bench.reports.terminal_grid import Heading

    headings = [Heading(column.heading, right=column.is_number, wraps=not column.is_number) for column in shown]
    lines = [[_cell(row, column) for column in shown] for row in rows]
    if RUN_COUNT in rows[0]:
        headings.append(Heading("runs", right=True))
        for row, line in zip(rows, lines, strict=True):
            line.append(_text(str(row[RUN_COUNT])))
    return headings, lines


def _cell(row: Row, column: Column) -> Cell:
    value = row[column.name]
    text = column.text(value) or "-"
    if column.ends and value is not None:
        text = f"{text} {column.interval_text(value, *(row[end] for end in column.ends))}".rstrip()
    return _text(text)


def _usual(rows: Sequence[Row]) -> tuple[list[Heading], list[list[Cell]]]:
    from latency_bench.reports.terminal_grid import Heading

    console = stdout_console()
    narrow = console.is_terminal and console.width < _FULL_WIDTH
    headings = [
        Heading("run"),
        Heading("when (UTC)"),
        Heading("device", wraps=True),
        Heading("model", wraps=True),
        Heading("runtime", wraps=True),
        Heading("input"),
        Heading("ms" if narrow else "latency ms", right=True),
        Heading("interval", right=True),
        Heading("n", right=True),
        Heading("flags", right=True),
        Heading("status"),
    ]
    return headings, [_usual_line(row, narrow) for row in rows]


def _usual_line(row: Row, narrow: bool) -> list[Cell]:
    from latency_bench.harness.store.columns.registry import columns

    latency = columns()["median_ms"]
    median_ms, low_ms, high_ms = row["median_ms"], row["low_ms"], row["high_ms"]
    batch = f" x{row['batch']}" if row["batch"] != 1 else ""
    cells = (
        row["run_id"].rpartition("-")[2] if narrow else row["run_id"],
        f"{row['started_at']:%m-%d %H:%M}" if narrow else f"{row['started_at']:%Y-%m-%d %H:%M}",
        row["device"],
        row["model"],
        f"{row['runtime'] or '-'} {row['precision']}",
        f"{row['height']}x{row['width']}{batch}",
        latency.text(median_ms) or "-",
        "-" if median_ms is None else latency.interval_text(median_ms, low_ms, high_ms) or "-",
        columns()["round_samples"].text(row["round_samples"]) or "-",
        str(len(row["flags"])) if row["flags"] else "-",
        row["status"],
    )
    return [_text(cell) for cell in cells]


def _text(words: str) -> Cell:
    """Text of a record: printed as it is, without anything that a terminal would obey."""
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.cli.rendering import STATUS_STYLES

    return Text(words, STATUS_STYLES[words]) if words in STATUS_STYLES else printable(words)


def _named(row: Row, shown: Sequence[Column]) -> dict[str, Any]:
    from latency_bench.harness.store.row_order import RUN_COUNT

    named = {
        column.name: value.isoformat(timespec="milliseconds")
        if column.kind == "moment" and (value := row[column.name])
        else row[column.name]
        for column in shown
    }
    return named | ({RUN_COUNT: row[RUN_COUNT]} if RUN_COUNT in row else {})


def _brief(row: Row, store: Path) -> dict[str, Any]:
    latency_ms = None
    if row["median_ms"] is not None:
        latency_ms = {
            "median": row["median_ms"],
            "low": row["low_ms"],
            "high": row["high_ms"],
            "n": row["samples"],
            "rounds": row["rounds"],
        }
    return {
        "run_id": row["run_id"],
        "started_at": row["started_at"].isoformat(timespec="milliseconds"),
        "status": row["status"],
        "device": row["device"],
        "model": row["model"],
        "runtime": row["runtime"],
        "resolution": [row["height"], row["width"]],
        "batch": row["batch"],
        "precision": row["precision"],
        "latency_ms": latency_ms,
        "flags": row["flags"],
        "path": str(store / row["path"]),
    }
