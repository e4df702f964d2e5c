"""Options that several commands share."""

from __future__ import annotations

import re

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
