"""What a caller of the Python interface wants measured, as the fields of a case that the command line has too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    import torch

Subject: TypeAlias = "str | Path | torch.nn.Module"
"""A model's id (`b1-seg`, `timm:resnet18`), a model file, a network in a Python file (`mynet.py:Net`), or a module."""
Inputs: TypeAlias = "str | Sequence[str] | Mapping[str, str | Path | float]"
"""Of a module sizes without the batch: `"3x224x224"`, or `["image=3x224x224", "ids=128:int64"]`. Of a file values by
name: `{"image": "image.npy", "rate": 16000}`."""


def fields_of(
    subject: Subject,
    inputs: Inputs | None,
    arguments: Mapping[str, Any] | None,
    name: str | None,
    batch: int,
) -> dict[str, Any]:
    """`model` or `file` of CaseOptions. Raises UsageError, SpecError, ExportError for what cannot be measured."""
    from latency_bench.harness.export.formats import format_of_file
    from latency_bench.harness.python_module import add_module_object, add_python_module, parse_module_input
    from latency_bench.model_specs.user_builders import is_user_builder

    if isinstance(subject, str | Path) and (format_ := format_of_file(Path(subject))) is not None:
        if arguments:
            raise UsageError(f"{subject}: arguments build a network from a Python file")
        named = {} if name is None else {"name": name}
        return {"file": (Path(subject), format_), "inputs": _values(str(subject), inputs), **named}
    sizes = [parse_module_input(text) for text in _sizes(inputs)]
    if not isinstance(subject, str | Path):
        if arguments:
            raise UsageError("arguments build a network from a Python file; this module is built already")
        return {"model": add_module_object(subject, sizes, name, batch).id}
    text = str(subject)
    if is_user_builder(text):
        return {"model": add_python_module(text, Path.cwd(), dict(arguments or {}), sizes, name).id}
    if inputs is not None or arguments or name is not None:
        raise UsageError(f"{text}: inputs, arguments and name are for a file, a module, or a network in a Python file")
    return {"model": text}


def _sizes(inputs: Inputs | None) -> Sequence[str]:
    """Of a module's inputs. Raises UsageError for values by name."""
    if isinstance(inputs, Mapping):
        raise UsageError('the inputs of a module are sizes, for example "3x224x224" or ["ids=128:int64"]')
    return [inputs] if isinstance(inputs, str) else inputs or ()


def _values(file: str, inputs: Inputs | None) -> dict[str, str]:
    """Of a file's inputs. Raises UsageError for sizes."""
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        raise UsageError(
            f'{file}: the inputs of a file are values by name, {{"image": "image.npy"}}; sizes that it leaves open are '
            'shapes={"image": (1, 3, 640, 640)} or dimensions={"height": 640}'
        )
    return {name: str(value) for name, value in inputs.items()}
