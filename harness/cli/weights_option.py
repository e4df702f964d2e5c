"""--weights: a checkpoint, and the model that it is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click


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
            self.fail(f"there is no file {file!r}", param, ctx)
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
