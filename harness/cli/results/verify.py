"""`bench results verify`: is everything that was stored still what it was?"""

from __future__ import annotations

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, store_option


@click.command("verify", cls=Command, examples=["bench results verify", "bench results verify latest --json"])
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option(
    "--set-aside",
    is_flag=True,
    help="Move what is torn or damaged into the store's .quarantine folder. Nothing is deleted.",
)
@click.option("--cached", is_flag=True, help="Of a store at an address, check only the copies on this computer.")
@store_option
@json_option
def verify(runs: tuple[str, ...], set_aside: bool, cached: bool, store: str | None, as_json: bool) -> int:
    """Check that stored runs and pairs (all, if none is named) are whole and unchanged. Nothing is repaired or removed.

    A store at an address is asked itself: its server's checksums where it has some, else its files. Exit code 1 if
    something is wrong.
    """
    from latency_bench.harness.cli.figures import counted, printable
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.mirrors import store_label
    from latency_bench.harness.store.quarantine import set_aside as move_aside
    from latency_bench.harness.store.reader import find_run
    from latency_bench.harness.store.verify import Verification, verify_store, verify_stored

    location = store_location(store)
    if runs:
        paths = [find_run(location, run, every_kind=True) for run in runs]
        outcome = Verification(
            len(paths), [finding for path in paths for finding in verify_stored(location, path, cached)]
        )
    else:
        outcome = verify_store(location, cached)
    damage = [one for one in outcome.findings if one.is_damage]
    moved = move_aside(location, outcome.findings) if set_aside else {}
    if as_json:
        print_json(
            {
                "store": store_label(location),
                "runs": outcome.runs,
                "findings": [
                    {"path": str(one.path), "problem": one.problem, "remedy": one.remedy, "is_damage": one.is_damage}
                    for one in outcome.findings
                ],
                "set_aside": {str(before): str(after) for before, after in moved.items()},
            }
        )
        return 1 if damage else 0
    for one in outcome.findings:
        named = one.problem.startswith(str(one.path))
        click.echo(printable(one.problem if named else f"{one.path}: {one.problem}"))
        if one.folder not in moved:
            click.echo(f"    {one.remedy}")
    for before, after in moved.items():
        click.echo(printable(f"{before}: moved to {after}"))
    verdict = f"{len(damage)} found wrong" if damage else "all whole and unchanged"
    click.echo(f"{counted(outcome.runs, 'run')} checked in {store_label(location)}: {verdict}")
    return 1 if damage else 0
