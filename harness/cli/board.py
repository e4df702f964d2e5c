"""`bench board`: the numbers of several labs on one static site."""

from __future__ import annotations

from pathlib import Path

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json


@click.command(cls=Command, examples=["bench board edge-lab=results/ vision-lab=s3://bucket/runs --to site/"])
@click.argument("stores", metavar="LAB=STORE...", nargs=-1, required=True)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("site"),
    show_default=True,
    help="Write the site into this folder.",
)
@click.option("--title", default="Latency board", show_default=True, help="Heading of the page.")
@json_option
def board(stores: tuple[str, ...], folder: Path, title: str, as_json: bool) -> None:
    """Write a static site with the latest number of every case of several stores, and each store's own report.

    Every number has its lab, machine, runtime, the hash of the file that ran, how many nodes a delegate took, and a
    link to its run. The folder can be put on any static host, or opened from a disk.
    """
    from latency_bench.harness.cli.report_source import Source, say
    from latency_bench.harness.installation.requirements import require
    from latency_bench.reports.board.site import write_board

    require(["pandas", "jinja2", "markupsafe"])
    named: dict[str, str] = {}
    for argument in stores:
        lab, store = _named(argument)
        if lab in named:
            raise click.UsageError(f"{lab} is named twice; each lab has one store")
        named[lab] = store
    labs = {lab: Source(_existing(store)) for lab, store in named.items()}
    written = write_board(
        {lab: source.runs for lab, source in labs.items()},
        {lab: source.write_page for lab, source in labs.items()},
        folder,
        title,
    )
    for lab, source in labs.items():
        if source.broken:
            say(f"{len(source.broken)} of the runs of {lab} cannot be read; `bench results verify` says which and why")
    print_json([str(path) for path in written]) if as_json else click.echo("\n".join(map(str, written)))


def _existing(store: str) -> Path:
    """Others see an empty board of a store whose name is wrong, so that it has to be there."""
    from latency_bench.harness.store.location import is_address, store_location

    place = store_location(store)
    if not is_address(store) and not place.is_dir():
        raise click.UsageError(f"{store}: there is no such folder, and a board needs a store with runs")
    return place


def _named(argument: str) -> tuple[str, str]:
    from latency_bench.reports.board.site import LAB_NAME

    lab, is_named, store = argument.partition("=")
    if not is_named or not store:
        raise click.UsageError(f"{argument!r} does not name a lab; write LAB=STORE, for example edge-lab={argument}")
    if LAB_NAME.fullmatch(lab) is None:
        raise click.UsageError(f"{lab!r} cannot be a lab's name; use letters, digits, dots, dashes and underscores")
    return lab, store
