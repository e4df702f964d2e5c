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
    help="Where runs are stored: a folder, or an address like s3://bucket/runs. Default: $BENCH_STORE, else ./results.",
)


def print_json(document: Any) -> None:
    """One JSON document on stdout, in escapes where stdout has no letters of all languages."""
    ensure_ascii = not (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(document, indent=2, ensure_ascii=ensure_ascii, allow_nan=False)
    # A path may hold bytes that are no text.
    click.echo(text.encode("utf-8", "replace").decode("utf-8"))


def stdout_console() -> Console:
    """For results. Wide when piped, where sentences are wrapped and tables are as wide as they are."""
    return _console(width=None if sys.stdout.isatty() else 140)


def stderr_console() -> Console:
    """For progress and warnings."""
    return _console(stderr=True)


def _console(width: int | None = None, stderr: bool = False) -> Console:
    """Text is printed as it is: names in brackets or between colons, of a device or a record, are no markup."""
    from rich.console import Console

    return Console(width=width, stderr=stderr, highlight=False, markup=False, emoji=False)
