"""Options of a case that several commands share: input size, runtime, precision, format, cores."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from bench_worker.pipeline.library_packages import MODULES
from latency_bench.harness.cli.completion import DEVICE, MODEL
from latency_bench.model_specs.carried_types import CARRIED_TYPES


class Resolution(click.ParamType[tuple[int, int]]):
    """HEIGHTxWIDTH in pixels, or one number for a square."""

    name = "HxW"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        from latency_bench.harness.case_options import parse_resolution

        try:
            height, width = parse_resolution(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return height, width


class Number(click.FloatRange):
    """A finite number of a range. click takes nan for a number of every range, and since no comparison with it is true,
    a limit of nan is never passed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class CpuList(click.ParamType[tuple[int, ...]]):
    name = "LIST"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        try:
            return tuple(sorted({int(word) for word in str(value).split(",")}))
        except ValueError:
            self.fail(f"{value!r} is not a list of cores; write numbers with commas, for example 2,3", param, ctx)


device_option = click.option(
    "--device",
    "device_name",
    type=DEVICE,
    default="local",
    show_default=True,
    help="Device to measure on; `bench devices ls` lists them.",
)


model_option = click.option(
    "--model", "model_id", type=MODEL, metavar="ID", help="Model; `bench models ls` lists them."
)


resolution_option = click.option(
    "--resolution", type=Resolution(), help="Input height x width, e.g. 512x1024. Default: the model's own."
)


input_type_option = click.option(
    "--input-type",
    type=click.Choice(CARRIED_TYPES),
    help="Type in which images are fed: uint8 pixels, normalised and laid out by the artifact itself, or float16. "
    "Default: the network's own float32. (--input sets the values of a file's input.)",
)


pipeline_option = click.option(
    "--pipeline",
    type=click.Choice(list(MODULES)),
    help="Time what an application waits for: every request decodes a photograph and prepares it with this "
    "library, as the model's spec says, and makes an answer of the outputs. Default: the network's request alone.",
)


photograph_option = click.option(
    "--photograph",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What --pipeline decodes: a JPEG file, or another image. Default: a made one of the usual size.",
)


def _known_dimensions(ctx: click.Context, param: click.Parameter, across: tuple[str, ...]) -> tuple[str, ...]:
    from latency_bench.harness.identity.differences import DIMENSIONS

    for name in across:
        if name not in DIMENSIONS:
            raise click.BadParameter(f"{name!r} is not a group of conditions; there are {', '.join(DIMENSIONS)}")
    return across


across_option = click.option(
    "--across",
    multiple=True,
    metavar="NAME",
    callback=_known_dimensions,
    help="Conditions that may differ, for example system or runtime; repeatable.",
)


class PrecisionName(click.ParamType[str]):
    """One of the precisions that are declared, ours or a runtime's own. Others' packages are read only where needed."""

    name = "PRECISION"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        from bench_worker.precisions import PRECISIONS

        return f"[{'|'.join(precision.name for precision in PRECISIONS)}]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from latency_bench.devices.errors import InventoryError
        from latency_bench.devices.precisions import find_precision

        try:
            return find_precision(str(value)).name
        except InventoryError as error:
            self.fail(str(error), param, ctx)


class RuntimeName(click.Option):
    """Names the runtimes of the worker before its own help, read when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from latency_bench.devices.runtimes import worker_runtime_names

        record = super().get_help_record(ctx)
        names = ", ".join(worker_runtime_names())
        return record and (record[0], f"{names}, or what the device's runner offers. {record[1]}")


runtime_option = click.option("--runtime", cls=RuntimeName, metavar="NAME", help="Default: the device's own.")


runtime_or_all_option = click.option(
    "--runtime",
    cls=RuntimeName,
    metavar="NAME|all",
    help="`all` measures every runtime that is installed, interleaved, and ranks them. Default: the device's own.",
)


calibration_option = click.option(
    "--calibration",
    type=click.Path(exists=True, path_type=Path),
    metavar="FOLDER|FILE.npz",
    help="Images, or inputs in the form that the model takes, from which the ranges of int8's activations are taken. "
    "Default: seeded random data, which is stated beside the number.",
)


_PRECISION_HELP = (
    "Number format that the model is computed or stored in; docs/runtimes.md says which ones a runtime supports."
)


precision_option = click.option(
    "--precision", type=PrecisionName(), default="fp32", show_default=True, help=_PRECISION_HELP
)


precision_or_own_option = click.option(
    "--precision", type=PrecisionName(), help=f"{_PRECISION_HELP} Default: fp32, or a file's own."
)


batch_option = click.option(
    "--batch", type=click.IntRange(min=1), help="Images per request. Default: 1, or what a file fixes."
)


precisions_option = click.option(
    "--precision", "precisions", type=PrecisionName(), multiple=True, help=f"{_PRECISION_HELP} Default: fp32."
)


class FormatName(click.ParamType[str]):
    """One of the file formats that models are exported to."""

    name = "FORMAT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from latency_bench.harness.export.errors import UnknownFormatError
        from latency_bench.harness.export.formats import find_format

        try:
            return find_format(str(value)).name
        except UnknownFormatError as error:
            self.fail(str(error), param, ctx)


def once_each(pairs: Iterable[tuple[str, Any]], flag: str) -> dict[str, Any]:
    """Raises UsageError for a name that is given two values: one of them would be left out without a word."""
    named: dict[str, Any] = {}
    for name, value in pairs:
        if name in named and named[name] != value:
            raise click.UsageError(f"{flag} gives {name} two values, {named[name]} and {value}")
        named[name] = value
    return named


wait_option = click.option(
    "--wait",
    is_flag=True,
    help="Wait while somebody else is measuring on the device. Default: report who it is, and stop.",
)
