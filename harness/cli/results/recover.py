"""`bench results recover`: store what could not be stored when it was measured."""

from __future__ import annotations

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json


@click.command("recover", cls=Command, examples=["bench results recover"])
@click.option("--store", metavar="PLACE", help="Store everything here, not where it was meant to go.")
@json_option
def recover(store: str | None, as_json: bool) -> int:
    """Store runs and pairs that are kept in the cache because their store was full or could not be written to.

    Exit code 1 if something still cannot be stored; it stays in the cache.
    """
    from latency_bench.harness.cli.figures import counted, printable
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.spool import recover as recover_from_spool

    outcome = recover_from_spool(store_location(store) if store else None)
    if as_json:
        print_json({"stored": outcome.stored, "refused": outcome.refused})
        return 1 if outcome.refused else 0
    for name, place in outcome.stored.items():
        click.echo(printable(f"{name}: stored in {place}"))
    for name, reason in outcome.refused.items():
        click.echo(printable(f"{name}: still in the cache: {reason}"))
    click.echo(f"{counted(len(outcome.stored), 'run')} stored, {len(outcome.refused)} still in the cache")
    return 1 if outcome.refused else 0
