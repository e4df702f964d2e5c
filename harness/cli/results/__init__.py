"""`bench results`: what has been measured, one file a command."""

from __future__ import annotations

import click

from harness.cli.results.exporting import export
from harness.cli.results.gc import gc
from harness.cli.results.importing import import_
from harness.cli.results.ls import ls
from harness.cli.results.show import show
from harness.cli.results.verify import verify


@click.group()
def results() -> None:
    """List, show, verify, import and export stored runs."""


for command in (ls, show, verify, import_, export, gc):
    results.add_command(command)
