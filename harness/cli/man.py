"""`bench man`: the help of every command as man pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from latency_bench.harness.cli.examples import Command


@click.command(
    cls=Command,
    examples=["bench man --to ~/.local/share/man/man1  # `man bench`, `man bench run` and so on then show them"],
)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of section 1 of the manual; pages of an earlier version there are replaced.",
)
@click.pass_context
def man(context: click.Context, folder: Path) -> None:
    """Write the help of every command as a man page of its own: bench.1, bench-run.1 and so on."""
    from importlib.metadata import version

    from latency_bench.harness.cli.roff import man_page
    from latency_bench.reports.text_files import write_text

    release = version("latency-bench")
    pages = [(one.command_path.replace(" ", "-"), man_page(one, release)) for one in every_context(context.find_root())]
    place = folder.expanduser()
    for name, page in pages:
        write_text(place / f"{name}.1", page)
    click.echo(f"{len(pages)} pages in {place}; `man bench-run` shows one, where {place.parent} is in `manpath`")


def every_context(context: click.Context) -> Iterator[click.Context]:
    """Of a command, and of all that are below it."""
    command = context.command
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from every_context(click.Context(below, info_name=name, parent=context))
