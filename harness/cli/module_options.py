"""--module and what goes with it: a network in a Python file of the user's own, wherever a model's id goes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from latency_bench.harness.cli.model_file_options import FILE_ARGUMENT

_WORDS = "A network of your own: a class, a function that returns a module, or a module"
_MODULES, _MODULE = (
    click.option("--module", "modules", multiple=True, metavar="FILE.py:NAME", help=f"{_WORDS}{end}")
    for end in ("; repeatable.", ".")
)
"""For commands of several models, and of one; a second one is refused in words of ours."""
ARGUMENTS_OPTION = click.option(
    "--arguments",
    default="",
    metavar="NAME=VALUE,...",
    help="Arguments that a --module is built with, e.g. width=32,depths=[2,2,6].",
)
SIZES_OPTION = click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="[NAME=]SIZE",
    help="Size of an input of a --module without the batch, e.g. 3x512x512 or ids=128:int64; repeatable.",
)
NAME_OPTION = click.option("--name", help="Name of a --module. Default: its own, and a short hash of its code.")


def module_options(
    models: str, *others: str, own_inputs: bool = True, own_name: bool = True, repeatable: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--module and --arguments; the ids of the networks are added to the command's argument `models`, a tuple of ids or
    one id. `others` are further arguments whose texts may be networks. `own_inputs`: the command has no --input and
    --name yet, which files have too, and gets them. `own_name`: it has no --name of another meaning.
    `repeatable`: it takes several networks."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_modules(modules: tuple[str, ...], arguments: str, **options: Any) -> Any:
            inputs, name = options.get("inputs", ()), options.get("name") if own_name else None
            if own_inputs:
                taken = ("inputs", "name") if own_name else ("inputs",)
                options = {key: value for key, value in options.items() if key not in taken}
            texts = {key: _texts(options[key]) for key in (models, *others)}
            texts[models] += modules
            if modules or any(map(_is_module, itertools.chain(*texts.values()))):
                if any(option.startswith(FILE_ARGUMENT) and value for option, value in options.items()):
                    raise click.UsageError("--module and files have --input and --name of their own: one at a time")
                if not isinstance(options[models], tuple) and len(texts[models]) > 1:
                    raise click.UsageError("this command takes one model: a --model or a --module")
                options |= {} if own_inputs else {"inputs": (), **({"name": None} if own_name else {})}
                ids = _ids(itertools.chain(*texts.values()), arguments, inputs, name)
                for key, of_key in texts.items():
                    resolved = tuple(_with_id(text, ids) for text in of_key)
                    options[key] = resolved if isinstance(options[key], tuple) else next(iter(resolved), None)
            elif arguments or (own_inputs and (inputs or name)):
                told = "--arguments, --input and --name are" if own_inputs else "--arguments is"
                raise click.UsageError(f"{told} for a --module")
            return command(**options)

        decorated: Callable[..., Any] = with_modules
        names = (NAME_OPTION,) if own_inputs and own_name else ()
        for option in (
            *names,
            *((SIZES_OPTION,) if own_inputs else ()),
            ARGUMENTS_OPTION,
            _MODULES if repeatable else _MODULE,
        ):
            decorated = option(decorated)
        return decorated

    return decorate


def _texts(given: Any) -> tuple[str, ...]:
    """Of an argument that is given several times, once, or not at all."""
    return given if isinstance(given, tuple) else () if given is None else (given,)


def _is_module(text: str) -> bool:
    """Whether a model, or a side of a pair with `@RUNTIME` behind it, is a network in a Python file."""
    from latency_bench.model_specs.user_builders import is_user_builder

    return is_user_builder(text.partition("@")[0])


def _ids(texts: Iterable[str], arguments: str, inputs: Sequence[str], name: str | None) -> dict[str, str]:
    """The id of each network among them, all built with these arguments for these inputs.

    Raises UsageError, SpecError, ExportError.
    """
    from latency_bench.harness.python_module import add_python_module, parse_arguments, parse_module_input

    networks = dict.fromkeys(text.partition("@")[0] for text in texts if _is_module(text))
    if name is not None and len(networks) > 1:
        raise click.UsageError("--name names one module, and there are several")
    sizes, built_with = [parse_module_input(text) for text in inputs], parse_arguments(arguments)
    return {what: add_python_module(what, Path.cwd(), built_with, sizes, name).id for what in networks}


def _with_id(text: str, ids: Mapping[str, str]) -> str:
    what, at, rest = text.partition("@")
    return ids.get(what, what) + at + rest


def _use_specs(ctx: click.Context, param: click.Parameter, file: Path | None) -> None:
    if file is not None:
        from latency_bench.model_specs.catalog import use_specs

        use_specs(file)


specs_option = click.option(
    "--specs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_use_specs,
    expose_value=False,
    is_eager=True,
    help="A YAML file with models of your own (docs/adding-a-model.md). Default: ./specs.yaml. Python files that build "
    "models are only run where this option names the YAML file.",
)
