"""`bench results`: list, show and verify what has been measured."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from harness.cli.output import json_option, print_json, stdout_console, store_option

if TYPE_CHECKING:
    from rich.table import Table

    from harness.store.reader import BrokenRun, RunSummary
    from harness.store.record import Status

_FULL_WIDTH = 135
"""Columns from which on a terminal has room for whole run ids and dates."""
_UNCUT = 1000
"""Columns for a pipe: one line a run, whatever the names' length."""


@click.group()
def results() -> None:
    """List, show and verify stored runs."""


@results.command("ls")
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
    from harness.store.location import store_location
    from harness.store.reader import find_runs

    location = store_location(store)
    broken: list[BrokenRun] = []
    runs = list(islice(find_runs(location, device, model, status, on_broken=broken.append), limit))
    if as_json:
        print_json([_brief(run) for run in runs])
    elif runs:
        console = stdout_console()
        if not console.is_terminal:
            console.width = _UNCUT
        console.print(_run_table(runs, narrow=console.width < _FULL_WIDTH))
    else:
        click.echo(f"no runs in {location}{' like these' if device or model or status else ''}", err=True)
    if broken:
        click.echo(
            f"bench: {len(broken)} of the runs cannot be read; `bench results verify` says which and why", err=True
        )


@results.command("show")
@click.argument("run", metavar="[RUN]", default="latest")
@store_option
@json_option
def show(run: str, store: str | None, as_json: bool) -> None:
    """Show one run: its result, and everything needed to judge and to repeat it.

    RUN is a run id, its beginning, its last six characters, a run's folder, or `latest`.
    """
    from harness.cli.rendering import render_result
    from harness.cli.run_details import render_details
    from harness.store.location import store_location
    from harness.store.reader import open_run

    stored = open_run(store_location(store), run)
    if as_json:
        print_json({"path": str(stored.path), **stored.record.model_dump(mode="json")})
        return
    console = stdout_console()
    render_result(stored.record, stored.path, console)
    render_details(stored.record, console)


@results.command("verify")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@store_option
@json_option
def verify(runs: tuple[str, ...], store: str | None, as_json: bool) -> int:
    """Check that stored runs (all, if none is named) are whole and unchanged. Nothing is repaired or removed.

    Exit code 1 if something is wrong.
    """
    from harness.cli.figures import counted, printable
    from harness.store.location import store_location
    from harness.store.reader import find_run
    from harness.store.verify import Verification, verify_run, verify_store

    location = store_location(store)
    if runs:
        paths = [find_run(location, run) for run in runs]
        outcome = Verification(len(paths), [finding for path in paths for finding in verify_run(path)])
    else:
        outcome = verify_store(location)
    if as_json:
        print_json(
            {
                "store": str(location),
                "runs": outcome.runs,
                "findings": [
                    {"path": str(one.path), "problem": one.problem, "remedy": one.remedy} for one in outcome.findings
                ],
            }
        )
        return 1 if outcome.findings else 0
    for one in outcome.findings:
        click.echo(printable(f"{one.path}: {one.problem.removeprefix(f'{one.path}: ')}"))
        click.echo(f"    {one.remedy}")
    verdict = f"{len(outcome.findings)} found wrong" if outcome.findings else "all whole and unchanged"
    click.echo(f"{counted(outcome.runs, 'run')} checked in {location}: {verdict}")
    return 1 if outcome.findings else 0


def _run_table(runs: list[RunSummary], narrow: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    from harness.cli.figures import decimals_of_ms, interval, printable
    from harness.cli.rendering import STATUS_STYLES

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1 if narrow else 2, 0, 0))
    for title in ("run", "when (UTC)"):
        table.add_column(title, no_wrap=True)
    for title in ("device", "model", "runtime", "input"):
        table.add_column(title, overflow="fold")
    for title in ("ms" if narrow else "latency ms", "interval", "flags"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for run in runs:
        decimals = decimals_of_ms(run.median_ms) if run.median_ms is not None else 0
        batch = f" x{run.batch}" if run.batch != 1 else ""
        table.add_row(
            run.run_id.rpartition("-")[2] if narrow else run.run_id,
            f"{run.started_at:%m-%d %H:%M}" if narrow else f"{run.started_at:%Y-%m-%d %H:%M}",
            run.device,
            run.model,
            Text(printable(f"{run.runtime or '-'} {run.precision}")),
            f"{run.resolution[0]}x{run.resolution[1]}{batch}",
            "-" if run.median_ms is None else f"{run.median_ms:.{decimals}f}",
            Text(interval(run.low_ms, run.high_ms, decimals) or "-"),
            str(len(run.flags)) if run.flags else "-",
            Text(run.status, STATUS_STYLES[run.status]),
        )
    return table


def _brief(run: RunSummary) -> dict[str, Any]:
    latency_ms = None
    if run.median_ms is not None:
        latency_ms = {"median": run.median_ms, "low": run.low_ms, "high": run.high_ms, "n": run.n}
    return {
        "run_id": run.run_id,
        "started_at": run.started_at.isoformat(timespec="milliseconds"),
        "status": run.status,
        "device": run.device,
        "model": run.model,
        "runtime": run.runtime,
        "resolution": list(run.resolution),
        "batch": run.batch,
        "precision": run.precision,
        "latency_ms": latency_ms,
        "flags": list(run.flags),
        "path": str(run.path),
    }
