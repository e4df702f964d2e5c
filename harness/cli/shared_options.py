"""Options that several commands share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

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
            self.fail(f"{value!r} is no list of cores; write numbers with commas, for example 2,3", param, ctx)


resolution_option = click.option(
    "--resolution", type=Resolution(), help="Input height x width, e.g. 512x1024. Default: the model's own."
)


input_type_option = click.option(
    "--input-type",
    type=click.Choice(CARRIED_TYPES),
    help="What images are fed as: uint8 pixels, normalised and laid out by the artifact itself, or float16. Default: "
    "the network's own float32. (--input sets the values of a file's input.)",
)


def _known_dimensions(ctx: click.Context, param: click.Parameter, across: tuple[str, ...]) -> tuple[str, ...]:
    from latency_bench.harness.identity.differences import DIMENSIONS

    for name in across:
        if name not in DIMENSIONS:
            raise click.BadParameter(f"{name!r} is no group of conditions; there are {', '.join(DIMENSIONS)}")
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
    help="Images, or inputs as the model is fed them, that the ranges of int8's activations are taken from. Default: "
    "seeded data, which is said beside the number.",
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


class Assignment(click.ParamType[tuple[str, Any]]):
    """NAME=VALUE, the name as a file has it; the value is read by `parse`."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        # A tensor's name may have any sign in it; what is given has no `=`.
        name, equals, text = str(value).rpartition("=")
        if not name or not equals or not text:
            self.fail(f"{value!r} says nothing; write {self.name}", param, ctx)
        try:
            return name, self._parse(text)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _parse_size(text: str) -> int:
    from latency_bench.harness.model_file.file_request import parse_size

    return parse_size(text)


def _parse_shape(text: str) -> tuple[int, ...]:
    from latency_bench.harness.model_file.file_request import parse_shape

    return parse_shape(text)


_FILE_OPTIONS = {
    "shapes": click.option(
        "--shape",
        "shapes",
        type=Assignment("INPUT=1x3x640x640", _parse_shape),
        multiple=True,
        help="Sizes of an input that your file leaves open, batch included; repeatable.",
    ),
    "dimensions": click.option(
        "--dim",
        "dimensions",
        type=Assignment("NAME=640", _parse_size),
        multiple=True,
        help="An open size by the name that your file has for it, in all inputs; repeatable.",
    ),
    "inputs": click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="INPUT=FILE.npy|NUMBER",
        help="What an input of your file is fed: an array, or one number everywhere; repeatable. Default: noise. Of a "
        "--module: its size without the batch, e.g. 3x512x512.",
    ),
    "name": click.option(
        "--name",
        help="What your file or --module is called in the store. Default: its own name and a hash of its content.",
    ),
    "reference": click.option(
        "--reference",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE.npz",
        help="What the outputs of your file have to be, by name, for the inputs that it is fed.",
    ),
    "original": click.option(
        "--original",
        metavar="FILE|ID",
        help="What your file was converted from: it runs on this computer, and the outputs have to be the same. The "
        "file itself checks a device against this computer.",
    ),
}
"""By the field of CaseOptions that each is."""
_VALUES = Assignment("INPUT=FILE.npy|NUMBER", str)
"""What --input is for a file; a module's says its size."""
_GATHERED = ("shapes", "dimensions", "inputs")
"""Options that are pairs, and fields of CaseOptions that are dictionaries."""
FILE_ARGUMENT = "file_"
"""How the arguments begin that files come by, one a format."""


def once_each(pairs: Iterable[tuple[str, Any]], flag: str) -> dict[str, Any]:
    """Raises UsageError for a name that is given two values: one of them would be left out without a word."""
    named: dict[str, Any] = {}
    for name, value in pairs:
        if name in named and named[name] != value:
            raise click.UsageError(f"{flag} gives {name} two values, {named[name]} and {value}")
        named[name] = value
    return named


def file_value_options(*fields: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options for what a file leaves to say, those of these fields of CaseOptions; one argument `of_files` of the
    command: the fields that are given."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def gathered(**options: Any) -> Any:
            from latency_bench.harness.case_options import OF_FILES

            said: dict[str, Any] = {field: options.pop(field) for field in fields}
            if "inputs" in said:
                said["inputs"] = [_VALUES.convert(text, None, None) for text in said["inputs"]]
            said |= {field: once_each(said[field], OF_FILES[field]) for field in fields if field in _GATHERED}
            given = {field: value for field, value in said.items() if value not in (None, {})}
            return command(of_files=given, **options)

        decorated: Callable[..., Any] = gathered
        for field in reversed(fields):
            decorated = _FILE_OPTIONS[field](decorated)
        return decorated

    return decorate


def model_file_options(command: Callable[..., Any], own_name: bool = True) -> Callable[..., Any]:
    """--onnx, --tflite, ...: one for every format that a file can be brought of; one argument `files` of the command,
    a list of (path, format). Beside them all of `file_value_options`. `own_name`: the command has no --name of another
    meaning.
    """
    from latency_bench.harness.export.formats import known_formats

    brought = {
        f"{FILE_ARGUMENT}{index}": target for index, target in enumerate(known_formats()) if target.usual_runtime
    }

    @functools.wraps(command)
    def gathered(of_files: dict[str, Any], **options: Any) -> Any:
        files = [(path, target.name) for argument, target in brought.items() for path in options.pop(argument)]
        _check_goes_with_files(files, of_files)
        return command(files=files, of_files=of_files, **options)

    fields = [field for field in _FILE_OPTIONS if own_name or field != "name"]
    with_options = file_value_options(*fields)(gathered)
    for argument, target in reversed(brought.items()):
        with_options = click.option(
            f"--{target.name}",
            argument,
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            multiple=True,
            help=f"Your own {target.title} file, measured as it is; repeatable.",
        )(with_options)
    return with_options


def refuse_without_file(of_files: Mapping[str, Any], files: Sequence[object]) -> None:
    """Raises UsageError where options of files are given and no file is."""
    if of_files and not files:
        from latency_bench.harness.case_options import OF_FILES

        raise click.UsageError(f"{OF_FILES[next(iter(of_files))]} is for a file of your own (--onnx, ...)")


def _check_goes_with_files(files: list[tuple[Path, str]], given: dict[str, Any]) -> None:
    """Raises UsageError for a name that several files would have."""
    if "name" in given and len(files) > 1:
        raise click.UsageError("--name names one file, and there are several")


class Weights(click.ParamType[tuple[str, Path]]):
    """[MODEL=]FILE: a checkpoint, and the model that it is for; empty where it is not said."""

    name = "[MODEL=]FILE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Path]:
        if isinstance(value, tuple):
            return value
        text = str(value)
        model, equals, file = text.partition("=")
        if not equals or Path(text).is_file():
            model, file = "", text
        if not Path(file).is_file():
            self.fail(f"{file!r} is no file", param, ctx)
        return model, Path(file)


def weights_by_model(given: Sequence[tuple[str, Path]], models: Sequence[str]) -> dict[str, Path]:
    """The checkpoint of each model that has one. Raises UsageError where a checkpoint could be for several models, or
    is for none of them."""
    found: dict[str, Path] = {}
    for name, file in given:
        if not name and len(models) != 1:
            example = models[0] if models else "MODEL"
            raise click.UsageError(f"--weights {file}: say which model it is for, as in --weights {example}={file}")
        model = name or models[0]
        if model not in models:
            raise click.UsageError(
                f"--weights {name}={file}: {name} is not measured here; there are {', '.join(models)}"
            )
        if model in found:
            raise click.UsageError(f"--weights: {model} has two checkpoints, {found[model]} and {file}; name one")
        found[model] = file
    return found


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
                f"{value!r} is no label; write NAME=VALUE, for example commit=1a2b3c4: a name of letters, digits and "
                "._-, and a value of at most 200 characters in one line",
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


wait_option = click.option(
    "--wait",
    is_flag=True,
    help="Wait while somebody else is measuring on the device. Default: report who it is, and stop.",
)


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
