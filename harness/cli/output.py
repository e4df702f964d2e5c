"""What all commands share about output: JSON for programs, tables for people."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of a table.")
store_option = click.option(
    "--store",
    metavar="DIR|URL",
    help="Where runs are kept: a folder, or an address like s3://bucket/runs. Default: $BENCH_STORE, else ./results.",
)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def stdout_console() -> Console:
    """For results. Wide when piped, so that a table is not cut to a terminal's width that nobody has."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else 140)


def stderr_console() -> Console:
    """For progress and warnings."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)
