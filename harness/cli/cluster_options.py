"""--scheduler and its like: over which hosts a campaign goes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_CLUSTER = (
    click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler, e.g. tls://host:8786."),
    click.option(
        "--tls-ca",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Certificate of the authority that signed all the others (PEM).",
    ),
    click.option(
        "--tls-cert",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Certificate of this computer (PEM).",
    ),
    click.option(
        "--tls-key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Private key of this computer's certificate (PEM).",
    ),
    click.option(
        "--insecure",
        is_flag=True,
        help="Connect without TLS. Anybody who can reach the scheduler can then run code on every host.",
    ),
)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--scheduler, its TLS files, --insecure: one argument `cluster` of the command, a dict."""

    @functools.wraps(command)
    def gathered(**options: Any) -> Any:
        names = ("scheduler", "tls_ca", "tls_cert", "tls_key", "insecure")
        return command(cluster={name: options.pop(name) for name in names}, **options)

    found: Callable[..., Any] = gathered
    for option in reversed(_CLUSTER):
        found = option(found)
    return found
