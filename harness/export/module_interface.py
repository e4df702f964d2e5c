"""What a module of the user's takes and returns, found by calling it once:
`python -m latency_bench.harness.export.module_interface REQUEST.json`.

In a process of its own as the conversion is, and with the same events: a file of the user's is imported and run.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.export.convert import answer
from latency_bench.harness.export.opened_files import OpenedFiles
from latency_bench.model_specs.errors import SpecError

if TYPE_CHECKING:
    import torch

    from latency_bench.model_specs.user_builders import UserBuilder

SEED = 0


@dataclass(frozen=True)
class ModuleInterface:
    """What a module's forward takes and returns, in order."""

    inputs: tuple[str, ...]
    outputs: Mapping[str, tuple[int, ...]]
    """With their shapes, batch included."""
    data_files: tuple[Path, ...] = ()
    """What its file read while it was built and called, beside Python."""


@dataclass(frozen=True)
class GivenInput:
    """An input as the user describes it: `mask=1x256x256:int64`."""

    name: str | None
    shape: tuple[int, ...]
    """Without the batch."""
    dtype: str
    """As numpy and torch call it."""


def interface_of(builder: UserBuilder, arguments: dict[str, Any], inputs: Sequence[GivenInput]) -> ModuleInterface:
    """Build the module and call it, in another process. Raises ExportError (MissingPackageError where its file imports
    what is not installed, ExportOutOfMemoryError) with what went wrong, in one line."""
    from latency_bench.harness.export.process import run_apart

    request = {
        "user_builder": {"label": builder.label, "file": str(builder.file)},
        "arguments": arguments,
        "inputs": [[given.name, list(given.shape), given.dtype] for given in inputs],
    }
    with TemporaryFolder("module") as folder:
        done = run_apart(__name__, request, folder)
    outputs = {name: tuple(shape) for name, shape in done["outputs"].items()}
    return ModuleInterface(tuple(done["inputs"]), outputs, tuple(map(Path, done["data_files"])))


def describe(request: dict[str, Any], stage: Callable[[str], None]) -> dict[str, Any]:
    """The interface of a request's module. Raises SpecError where the inputs are not those that its forward takes."""
    from latency_bench.model_specs.user_builders import require_registered

    builder = require_registered(request["user_builder"]["label"])
    given = [GivenInput(name, tuple(shape), dtype) for name, shape, dtype in request["inputs"]]
    with OpenedFiles(builder.root) as opened:
        names, outputs = _called(builder, request["arguments"], given, stage)
    return {"inputs": names, "outputs": outputs, "data_files": [str(file) for file in opened.data()]}


def _called(
    builder: UserBuilder, arguments: dict[str, Any], given: Sequence[GivenInput], stage: Callable[[str], None]
) -> tuple[list[str], dict[str, list[int]]]:
    """Names of inputs, and outputs with their shapes, by building the module and calling it."""
    from latency_bench.model_specs.user_builders import import_builder, in_a_line

    label = builder.label
    stage("building the module")
    build = import_builder(builder)
    try:
        module = build(**arguments).eval()
    except (TypeError, ValueError, KeyError) as error:
        given_words = arguments or "no arguments"
        raise SpecError(f"{label}: cannot be built with {given_words}: {in_a_line(error)}") from error
    names = input_names(label, module, given)
    stage("calling it once")
    try:
        outputs = {name: list(tensor.shape) for name, tensor in _call(module, given).items()}
    except ModuleNotFoundError:
        raise  # the host says which package is missing
    except Exception as error:  # whatever a person's forward raises
        shapes = ", ".join("x".join(map(str, (1, *one.shape))) for one in given)
        raise SpecError(f"{label}: forward fails on inputs of {shapes}: {in_a_line(error)}") from error
    if not outputs:
        raise SpecError(f"{label}: forward does not return a tensor")
    return names, outputs


def _call(module: torch.nn.Module, given: Sequence[GivenInput]) -> dict[str, torch.Tensor]:
    """With zeros, which every kind of input may be: an index, a mask, an image."""
    import torch

    from latency_bench.model_specs.user_builders import named_outputs

    inputs = [torch.zeros(1, *one.shape, dtype=getattr(torch, one.dtype)) for one in given]
    with torch.inference_mode():
        return named_outputs(module, *inputs)


def input_names(label: str, module: torch.nn.Module, given: Sequence[GivenInput]) -> list[str]:
    """Of the inputs: the parameters of forward, in its order. Raises SpecError where they do not go together."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    named = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD or one.kind is one.POSITIONAL_ONLY]
    takes_any = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    needed = [one.name for one in named if one.default is inspect.Parameter.empty]
    signature = f"forward({', '.join(one.name for one in named)}{', ...' if takes_any else ''})"
    if len(given) < max(len(needed), 1):
        example = " ".join(f"--input {name}=3x224x224" for name in needed or ["image"])
        raise SpecError(
            f"{label}: {signature} needs {', '.join(needed) or 'an input'}; say the size of each input, without the "
            f"batch, for example {example}"
        )
    if len(given) > len(named) and not takes_any:
        raise SpecError(f"{label}: {signature} does not take {len(given)} inputs; leave some --input out")
    names = [one.name for one in named[: len(given)]]
    names += [f"input_{index}" for index in range(len(names), len(given))]
    for position, (one, name) in enumerate(zip(given, names, strict=True), start=1):
        if one.name is not None and one.name != name:
            raise SpecError(f"{label}: input {position} of {signature} is {name!r}, not {one.name!r}; keep its order")
    return names


if __name__ == "__main__":
    sys.exit(answer(sys.argv[1], describe))
