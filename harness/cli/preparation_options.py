"""How images become the input of what is scored, and what its output is, as far as no spec says it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from latency_bench.harness.accuracy.meanings import MEANINGS
from latency_bench.harness.cli.completion import MODEL
from latency_bench.harness.cli.shared_options import Number


class ByChannel(click.ParamType[tuple[float, float, float]]):
    """A number for each of three channels, or one for all of them; a number may be a fraction."""

    name = "A,B,C"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float]:
        from latency_bench.harness.accuracy.stated import by_channel

        try:
            first, second, third = by_channel(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if param is not None and param.name == "std" and min(first, second, third) <= 0:
            self.fail("every number has to be more than 0", param, ctx)
        return first, second, third


class OutputMeaning(click.ParamType[str]):
    name = "OUTPUT=MEANING[:NUMBER]"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from latency_bench.harness.accuracy.stated import StatedOutput

        try:
            StatedOutput.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


_OPTIONS = (
    click.option(
        "--crop-share",
        type=Number(min=0, max=1, min_open=True),
        help="Share of the resized shorter side that the crop in the centre keeps. Default: as the model's authors do.",
    ),
    click.option(
        "--whole-image",
        is_flag=True,
        help="Resize the whole image to the input's size, whatever its proportions; do not crop.",
    ),
    click.option(
        "--interpolation",
        type=click.Choice(["bilinear", "bicubic"]),
        help="Used for resizing. Default: as the authors do.",
    ),
    click.option(
        "--mean",
        type=ByChannel(),
        help="Of a file or network of your own: what is taken from each channel, for light in [0, 1].",
    ),
    click.option(
        "--std",
        type=ByChannel(),
        help="What it is then divided by. `--mean 0 --std 1/255` feeds 0 to 255.",
    ),
    click.option("--channel-order", type=click.Choice(["rgb", "bgr"]), help="Of such an input."),
    click.option(
        "--output-is",
        type=OutputMeaning(),
        help=f"What its output is: {', '.join(MEANINGS)}. NUMBER: of classes, or by how much images are enlarged, "
        "where the output's size does not say it.",
    ),
    click.option(
        "--prepared-as",
        type=MODEL,
        metavar="MODEL",
        help="Prepare images as for this model of the catalog or of specs.yaml, in place of saying how.",
    ),
)


def preparation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One argument `preparation` of the command, a Statement; None where nothing is said."""

    @functools.wraps(command)
    def gathered(**options: Any) -> Any:
        from latency_bench.harness.accuracy.stated import Statement

        said = {name: options.pop(name) for name in Statement.model_fields}
        if said["whole_image"] and said["crop_share"] is not None:
            raise click.UsageError("--whole-image does not crop; leave out --crop-share")
        stated = Statement(**said)
        return command(preparation=stated if stated.said() else None, **options)

    decorated: Callable[..., Any] = gathered
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
