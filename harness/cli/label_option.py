"""--label: what a user calls a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from latency_bench.harness.cli.shared_options import once_each


class Label(click.ParamType[tuple[str, str]]):
    """NAME=VALUE: what a user calls a run."""

    name = "NAME=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        from pydantic import TypeAdapter, ValidationError

        from latency_bench.harness.store.fields import Labels

        name, _, text = str(value).partition("=")
        try:
            TypeAdapter(Labels).validate_python({name: text})
        except ValidationError:
            self.fail(
                f"{value!r} is not a label; write NAME=VALUE, for example commit=1a2b3c4: a name of letters, digits "
                "and ._-, and a value of at most 200 characters in one line",
                param,
                ctx,
            )
        return name, text


def label_option(help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--label NAME=VALUE, repeatable: argument `labels` of the command, pairs of name and value."""
    return click.option(
        "--label",
        "labels",
        type=Label(),
        multiple=True,
        metavar="NAME=VALUE",
        help=help_text,
        callback=lambda ctx, param, labels: tuple(once_each(labels, "--label").items()),
    )
