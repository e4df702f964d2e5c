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
Inputs: TypeAlias = "str | Sequence[str]"
"""Sizes without the batch: `"3x224x224"`, or `["image=3x224x224", "ids=128:int64"]`."""


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

    sizes = [parse_module_input(text) for text in ([inputs] if isinstance(inputs, str) else inputs or ())]
    if not isinstance(subject, str | Path):
        if arguments:
            raise UsageError("arguments build a network from a Python file; this module is built already")
        return {"model": add_module_object(subject, sizes, name, batch).id}
    text = str(subject)
    if is_user_builder(text):
        return {"model": add_python_module(text, Path.cwd(), dict(arguments or {}), sizes, name).id}
    if inputs is not None or arguments or name is not None:
        raise UsageError(f"{text}: inputs, arguments and name are for a module, or a network in a Python file")
    if (format_ := format_of_file(Path(text))) is not None:
        return {"file": (Path(text), format_)}
    return {"model": text}
