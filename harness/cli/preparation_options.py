"""How images become the input of what is scored, and what its output is, as far as no spec says it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.completion import MODEL
from latency_bench.harness.cli.shared_options import Number

if TYPE_CHECKING:
    from latency_bench.harness.accuracy.stated import StatedOutput

MEANINGS = "class-scores, pixel-scores, pixel-scores-nhwc, pixel-classes, yolo-boxes, boxes, image, image-nhwc"


class ByChannel(click.ParamType[tuple[float, float, float]]):
    """A number for each of three channels, or one for all of them; a number may be a fraction."""

    name = "A,B,C"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float]:
        try:
            numbers = [_number(word) for word in str(value).split(",")]
        except (ValueError, ZeroDivisionError):
            numbers = []
        if len(numbers) not in (1, 3) or not all(map(math.isfinite, numbers)):
            self.fail(f"{value!r} is not a number for each channel; write 0.485,0.456,0.406, or 1/255", param, ctx)
        first, second, third = numbers * 3 if len(numbers) == 1 else numbers
        if param is not None and param.name == "std" and min(first, second, third) <= 0:
            self.fail("every number has to be more than 0", param, ctx)
        return first, second, third


def _number(text: str) -> float:
    above, stroke, below = text.partition("/")
    return float(above) / float(below) if stroke else float(above)


class OutputMeaning(click.ParamType["StatedOutput"]):
    name = "OUTPUT=MEANING[:NUMBER]"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> StatedOutput:
        from latency_bench.harness.accuracy.stated import StatedOutput

        try:
            return StatedOutput.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


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
    click.option("--channel-order", "channels", type=click.Choice(["rgb", "bgr"]), help="Of such an input."),
    click.option(
        "--output-is",
        "output",
        type=OutputMeaning(),
        help=f"What its output is: {MEANINGS}. NUMBER: of classes, or by how much images are enlarged, where the "
        "output's size does not say it.",
    ),
    click.option(
        "--prepared-as",
        type=MODEL,
        metavar="MODEL",
        help="Prepare images as for this model of the catalog or of specs.yaml, in place of saying how.",
    ),
)


def preparation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One argument `stated` of the command."""

    @functools.wraps(command)
    def gathered(
        crop_share: float | None, whole_image: bool, prepared_as: str | None, interpolation: Any, **options: Any
    ) -> Any:
        from latency_bench.harness.accuracy.stated import Statement
        from latency_bench.model_specs import load_spec

        if whole_image and crop_share is not None:
            raise click.UsageError("--whole-image does not crop; leave out --crop-share")
        said = {name: options.pop(name) for name in ("mean", "std", "channels")}
        stated = Statement(
            resize="stretch" if whole_image else None if crop_share is None else "crop",
            crop_share=crop_share,
            interpolation=interpolation,
            output=options.pop("output"),
            prepared_as=None if prepared_as is None else load_spec(prepared_as),
            **said,
        )
        return command(stated=stated, **options)

    decorated: Callable[..., Any] = gathered
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
