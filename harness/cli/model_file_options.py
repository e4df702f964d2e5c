"""Files of the user's own, and what a file leaves to say: its open sizes, its values, its name, its reference."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from latency_bench.harness.cli.shared_options import once_each


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
            self.fail(f"{value!r} is incomplete; write {self.name}", param, ctx)
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
        help="Value of an open size, by the name that your file gives it, in all inputs; repeatable.",
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
