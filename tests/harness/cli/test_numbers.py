"""No limit and no range is ever nan: nothing compares with it, so that a gate with such a budget would always pass."""

from __future__ import annotations

from collections.abc import Iterator

import click

from latency_bench.harness.cli.main import bench as bench_command


def numbers(command: click.Command, name: str = "bench") -> Iterator[tuple[str, click.Parameter]]:
    """Every option of every command whose values are fractions."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            if (inner := command.get_command(context, word)) is not None:
                yield from numbers(inner, f"{name} {word}")
    for parameter in command.params:
        if any(isinstance(_value(parameter, text), float) for text in ("0.5", "2")):
            yield f"{name} {parameter.opts[0]}", parameter


def _value(parameter: click.Parameter, text: str) -> object:
    """None where the option does not take it."""
    try:
        return parameter.type.convert(text, parameter, None)
    except (click.ClickException, ValueError, TypeError, AttributeError):
        return None


def test_no_option_takes_what_is_no_finite_number() -> None:
    found = dict(numbers(bench_command))
    limits = {"bench gate --min-accuracy", "bench gate --max-ms", "bench pair --within", "bench report --margin"}
    assert limits <= set(found)
    taken = [f"{name} {text}" for name, one in found.items() for text in ("nan", "inf", "-inf") if _value(one, text)]
    assert taken == []
