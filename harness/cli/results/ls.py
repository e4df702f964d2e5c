"""`bench results ls`: the runs of a store, one line each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from latency_bench.harness.store.index import Row
    from latency_bench.harness.store.reader import BrokenRun
    from latency_bench.harness.store.record import Status

_FULL_WIDTH = 135
"""Columns from which on a terminal has room for whole run ids and dates."""
_FITTED_MAX = 500
"""Runs up to which a table is fitted to the terminal, which takes about a millisecond each."""
_TITLES = ("run", "when (UTC)", "device", "model", "runtime", "input", "latency ms", "interval", "flags", "status")
_FOLDED = frozenset({"device", "model", "runtime", "input"})
_RIGHT = frozenset({"latency ms", "interval", "flags"})


@click.command("ls")
@click.option("--device", help="Only runs on this device.")
@click.option("--model", help="Only runs of this model.")
@click.option("--status", type=click.Choice(["done", "unstable", "failed"]), help="Only runs that ended like this.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many runs, the latest ones.")
@store_option
@json_option
def ls(
    device: str | None, model: str | None, status: Status | None, limit: int | None, store: str | None, as_json: bool
) -> None:
    """List the runs, latest first."""
    from latency_bench.harness.store.listing import find_rows
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.mirrors import store_label

    location = store_location(store)
    broken: list[BrokenRun] = []
    rows = list(islice(find_rows(location, device, model, status, on_broken=broken.append), limit))
    if as_json:
        print_json([_brief(row, location) for row in rows])
    elif rows:
        _print_table(rows)
    else:
        click.echo(f"no runs in {store_label(location)}{' like these' if device or model or status else ''}", err=True)
    if broken:
        click.echo(
            f"bench: {len(broken)} of the runs cannot be read; `bench results verify` says which and why", err=True
        )


def _print_table(rows: list[Row]) -> None:
    """Fitted to a terminal; one line a run for a pipe, and where there are so many that fitting them takes long."""
    console = stdout_console()
    narrow = console.is_terminal and console.width < _FULL_WIDTH
    lines = [_cells(row, narrow) for row in rows]
    titles = tuple("ms" if narrow and title == "latency ms" else title for title in _TITLES)
    if console.is_terminal and len(rows) <= _FITTED_MAX:
        console.print(_fitted(titles, lines, narrow))
        return
    widths = [max(len(line[column]) for line in (titles, *lines)) for column in range(len(titles))]
    for line in (titles, *lines):
        padded = (
            cell.rjust(width) if title in _RIGHT else cell.ljust(width)
            for title, cell, width in zip(_TITLES, line, widths, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _fitted(titles: tuple[str, ...], lines: list[tuple[str, ...]], narrow: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    from latency_bench.harness.cli.rendering import STATUS_STYLES

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1 if narrow else 2, 0, 0))
    for name, title in zip(_TITLES, titles, strict=True):
        folded = name in _FOLDED
        table.add_column(
            title,
            justify="right" if name in _RIGHT else "left",
            overflow="fold" if folded else "ellipsis",
            no_wrap=not folded,
        )
    for line in lines:
        table.add_row(*(Text(cell, STATUS_STYLES.get(cell, "")) for cell in line))
    return table


def _cells(row: Row, narrow: bool) -> tuple[str, ...]:
    from latency_bench.harness.cli.figures import decimals_of_ms, interval, printable

    median_ms = row["median_ms"]
    decimals = decimals_of_ms(median_ms) if median_ms is not None else 0
    batch = f" x{row['batch']}" if row["batch"] != 1 else ""
    return (
        row["run_id"].rpartition("-")[2] if narrow else row["run_id"],
        f"{row['started_at']:%m-%d %H:%M}" if narrow else f"{row['started_at']:%Y-%m-%d %H:%M}",
        row["device"],
        row["model"],
        printable(f"{row['runtime'] or '-'} {row['precision']}"),
        f"{row['height']}x{row['width']}{batch}",
        "-" if median_ms is None else f"{median_ms:.{decimals}f}",
        interval(row["low_ms"], row["high_ms"], decimals) or "-",
        str(len(row["flags"])) if row["flags"] else "-",
        row["status"],
    )


def _brief(row: Row, store: Path) -> dict[str, Any]:
    latency_ms = None
    if row["median_ms"] is not None:
        latency_ms = {"median": row["median_ms"], "low": row["low_ms"], "high": row["high_ms"], "n": row["samples"]}
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
