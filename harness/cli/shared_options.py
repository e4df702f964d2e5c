"""Options that several commands share."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


class Resolution(click.ParamType[tuple[int, int]]):
    """HEIGHTxWIDTH in pixels, or one number for a square."""

    name = "HxW"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        found = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", str(value))
        if not found or int(found[1]) < 1:
            self.fail(f"{value!r} is no resolution; write HEIGHTxWIDTH, for example 512x1024", param, ctx)
        height = int(found[1])
        return height, int(found[2] or height)


resolution_option = click.option(
    "--resolution", type=Resolution(), help="Input height x width, e.g. 512x1024. Default: the model's own."
)

wait_option = click.option(
    "--wait", is_flag=True, help="Wait for a device that somebody else measures. Default: say who does, and stop."
)


_CLUSTER = (
    click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler, e.g. tls://host:8786."),
    click.option("--tls-ca", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Who signs (PEM)."),
    click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Ours (PEM)."),
    click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its key (PEM)."),
    click.option(
        "--insecure", is_flag=True, help="Without TLS beyond this computer: whoever can connect can run code."
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
