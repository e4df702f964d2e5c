"""`bench results import`: runs from elsewhere into this store."""

from __future__ import annotations

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, store_option


@click.command(
    "import", cls=Command, examples=["bench results import runs.tar.zst", "bench results import ../colleague/results"]
)
@click.argument("source", metavar="FILE|STORE")
@click.option(
    "--max-gib",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Refuse an archive that unpacks to more.",
)
@store_option
@json_option
def import_(source: str, max_gib: int, store: str | None, as_json: bool) -> int:
    """Bring the runs of an archive (.tar, .tar.gz, .tar.zst) or of another store into this one.

    Each run is checked as `bench results verify` does before it is taken. Runs that are here already stay as they are.
    Exit code 1 if a run was refused.
    """
    from pathlib import Path

    from latency_bench.harness.cli.figures import counted, printable
    from latency_bench.harness.store.archive_reader import GIB, Limits
    from latency_bench.harness.store.importing import import_runs
    from latency_bench.harness.store.location import is_address, store_location
    from latency_bench.harness.store.mirrors import check_store, store_label

    location = store_location(store)
    check_store(location)
    outcome = import_runs(
        location,
        store_location(source) if is_address(source) else Path(source).expanduser(),
        Limits(total_bytes=max_gib * GIB),
    )
    if as_json:
        print_json({"added": outcome.added, "present": outcome.present, "refused": outcome.refused})
        return 1 if outcome.refused else 0
    for run, reason in outcome.refused.items():
        click.echo(printable(f"refused {run}: {reason}"))
    counts = f"{len(outcome.present)} were there already, {len(outcome.refused)} refused"
    click.echo(f"{counted(len(outcome.added), 'run')} imported into {store_label(location)}, {counts}")
    return 1 if outcome.refused else 0
