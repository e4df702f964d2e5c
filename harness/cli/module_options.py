"""--module and what goes with it: a network in a Python file of the user's own, wherever a model's id goes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from latency_bench.harness.cli.shared_options import FILE_ARGUMENT

_MODULES = click.option(
    "--module",
    "modules",
    multiple=True,
    metavar="FILE.py:NAME",
    help="A network of your own: a class, a function that returns a module, or a module; repeatable.",
)
_ARGUMENTS = click.option(
    "--arguments",
    default="",
    metavar="NAME=VALUE,...",
    help="What a --module is built with, e.g. width=32,depths=[2,2,6].",
)
_SIZES = click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="[NAME=]SIZE",
    help="Size of an input of a --module without the batch, e.g. 3x512x512 or ids=128:int64; repeatable.",
)
_NAME = click.option("--name", help="Name of a --module. Default: its own, and a short hash of its code.")


def module_options(
    models: str, own_inputs: bool = True, own_name: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--module and --arguments; the ids of the networks are added to the command's argument `models`, a tuple of ids or
    one id. `own_inputs`: the command has no --input and --name yet, which files have too, and gets them. `own_name`: it
    has no --name of another meaning."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_modules(modules: tuple[str, ...], arguments: str, **options: Any) -> Any:
            inputs, name = options.get("inputs", ()), options.get("name") if own_name else None
            if own_inputs:
                taken = ("inputs", "name") if own_name else ("inputs",)
                options = {key: value for key, value in options.items() if key not in taken}
            known = options[models]
            texts = known if isinstance(known, tuple) else () if known is None else (known,)
            if modules or any(map(_is_module, texts)):
                if any(option.startswith(FILE_ARGUMENT) and value for option, value in options.items()):
                    raise click.UsageError("--module and files have --input and --name of their own: one at a time")
                texts = (*texts, *modules)
                if not isinstance(known, tuple) and len(texts) > 1:
                    raise click.UsageError("this command takes one model: a --model or a --module")
                options |= {} if own_inputs else {"inputs": (), "name": None}
                resolved = _resolved(texts, arguments, inputs, name)
                options[models] = resolved if isinstance(known, tuple) else resolved[0]
            elif arguments or (own_inputs and (inputs or name)):
                raise click.UsageError("--arguments, --input and --name are for a --module")
            return command(**options)

        decorated: Callable[..., Any] = with_modules
        names = (_NAME,) if own_inputs and own_name else ()
        for option in (*names, *((_SIZES,) if own_inputs else ()), _ARGUMENTS, _MODULES):
            decorated = option(decorated)
        return decorated

    return decorate


def _is_module(text: str) -> bool:
    """Whether a model, or a side of a pair with `@RUNTIME` behind it, is a network in a Python file."""
    from latency_bench.model_specs.user_builders import is_user_builder

    return is_user_builder(text.partition("@")[0])


def _resolved(texts: Sequence[str], arguments: str, inputs: Sequence[str], name: str | None) -> tuple[str, ...]:
    """The same with the id of each network in its place, all built with these arguments for these inputs.

    Raises UsageError, SpecError, ExportError.
    """
    from latency_bench.harness.python_module import add_python_module, parse_arguments, parse_module_input

    networks = dict.fromkeys(text.partition("@")[0] for text in texts if _is_module(text))
    if name is not None and len(networks) > 1:
        raise click.UsageError("--name names one module, and there are several")
    sizes, built_with = [parse_module_input(text) for text in inputs], parse_arguments(arguments)
    ids = {what: add_python_module(what, Path.cwd(), built_with, sizes, name).id for what in networks}
    return tuple(ids.get(what, what) + at + rest for what, at, rest in (text.partition("@") for text in texts))


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
