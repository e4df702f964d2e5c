"""What commands that measure or export take beside the model and its runtime: the same options, in the same words and
the same order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from latency_bench.harness.cli.preparation_options import preparation_options
from latency_bench.harness.cli.shared_options import (
    CpuList,
    calibration_option,
    input_type_option,
    photograph_option,
    pipeline_option,
)
from latency_bench.harness.cli.weights_option import Weights

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class RuntimeOption(click.ParamType[tuple[str, Any]]):
    name = "NAME=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        import json

        name, equals, text = str(value).partition("=")
        if not name or not equals:
            self.fail(f"{value!r} is not an option; write NAME=VALUE, for example xnnpack=false", param, ctx)
        try:
            return name, json.loads(text)
        except ValueError:
            return name, text


_OPTIONS: dict[str, Decorator] = {
    "threads": click.option(
        "--threads", type=click.IntRange(min=1), help="Threads of a CPU runtime. Default: the device's own number."
    ),
    "cpus": click.option(
        "--cpus", type=CpuList(), help="CPU cores to pin to, e.g. 2,3. Default: the last cores, one for each thread."
    ),
    "weights": click.option(
        "--weights",
        "checkpoints",
        type=Weights(),
        multiple=True,
        help="Checkpoint to load; with several models MODEL=FILE, repeatable. Default: random weights drawn from "
        "--seed.",
    ),
    "seed": click.option(
        "--seed", type=int, help="Seed of the random weights that are used without a checkpoint. Default: 0."
    ),
    "check_image": click.option(
        "--check-image",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A photograph on which outputs are compared too, before any number is shown; it is not what is timed.",
    ),
    "calibration": calibration_option,
    "runtime_options": click.option(
        "--runtime-option",
        "runtime_options",
        type=RuntimeOption(),
        multiple=True,
        help="Option of the runtime, e.g. xnnpack=false; repeatable. docs/runtimes.md lists them, and so does the "
        "error for an unknown one.",
    ),
    "output": click.option(
        "--output",
        type=click.Choice(["logits", "argmax", "full"]),
        help="What a dense-prediction model returns: logits at the head's resolution (default), argmax classes there, "
        "or logits at full input resolution.",
    ),
    "input_type": input_type_option,
    "pipeline": pipeline_option,
    "photograph": photograph_option,
    "preparation": preparation_options,
}
"""By the field of CaseOptions that each is, in the order in which a help shows them."""


CONDITIONS = tuple(_OPTIONS)
"""The fields of CaseOptions that these options say."""


def given(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that were said, as fields of CaseOptions."""
    fields = {**conditions, "runtime_options": dict(conditions["runtime_options"])}
    return {name: value for name, value in fields.items() if value not in (None, {})}


def condition_options(*left_out: str, **own: Decorator) -> Decorator:
    """All of them but those that a command has no use for; `own` are a command's own in the place of the usual ones, by
    the same names."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, option in reversed({**_OPTIONS, **own}.items()):
            if name not in left_out:
                command = option(command)
        return command

    return decorate
