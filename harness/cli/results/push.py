"""`bench results push`: send what could not be sent to a store's address."""

from __future__ import annotations

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, store_option


@click.command("push", cls=Command, examples=["bench results push --store s3://bucket/runs"])
@store_option
@json_option
def push(store: str | None, as_json: bool) -> int:
    """Send the runs that are stored on this computer but not yet at the store's address, and say why any of them stays.

    Exit code 1 if one stays.
    """
    import warnings

    from latency_bench.harness.cli.figures import counted, printable
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.errors import NotSentWarning
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.mirrors import mirror_of

    location = store_location(store)
    mirror = mirror_of(location)
    if mirror is None:
        raise UsageError(f"{location} is a folder; only a store at an address has runs to be sent")
    before = mirror.pending()
    if not before:
        # Nothing is asked of the address then, which may be misspelt.
        mirror.check()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotSentWarning)
        left = mirror.send_pending(conflicts=True)
    sent = len(before) - len(left)
    if as_json:
        print_json({"sent": sent, "pending": [{"run": one.name, "reason": one.reason} for one in left]})
        return 1 if left else 0
    for one in left:
        click.echo(printable(f"{one.name}: {one.reason}"))
        click.echo(f"    its files: {mirror.folder / one.name}")
    click.echo(f"{counted(sent, 'run')} sent to {mirror.address}, {len(left)} not sent")
    return 1 if left else 0
