"""A network in a Python file of the user's: `mynet.py:Net`, with arguments and the sizes of its inputs, as a spec."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    from latency_bench.harness.export.module_interface import GivenInput
    from latency_bench.model_specs.spec import ModelSpec
    from latency_bench.model_specs.user_builders import UserBuilder

_INPUT = re.compile(r"(?:([A-Za-z_]\w*)=)?(\d{1,6}(?:x\d{1,6}){0,7})(?::([a-z]+\d+))?", re.ASCII)
_BETWEEN_ARGUMENTS = re.compile(r",(?=\s*[A-Za-z_]\w*\s*=)", re.ASCII)
_DTYPES = ("float32", "int32", "int64")
_HASH_DIGITS = 8


def parse_module_input(text: str) -> GivenInput:
    """`3x512x512`, `mask=1x64x64`, `tokens=128:int64`: the size without the batch. Raises UsageError."""
    from latency_bench.harness.export.module_interface import GivenInput

    match = _INPUT.fullmatch(text.strip())
    dtype = match and (match[3] or "float32")
    if not match or dtype not in _DTYPES or "0" in match[2].split("x"):
        raise UsageError(
            f"{text[:60]!r} is no input; write [NAME=]CHANNELSxHEIGHTxWIDTH[:TYPE], for example 3x512x512 or "
            f"tokens=128:int64 (types: {', '.join(_DTYPES)})"
        )
    return GivenInput(match[1], tuple(map(int, match[2].split("x"))), str(dtype))


def parse_arguments(text: str) -> dict[str, Any]:
    """`width=32,depths=[2,2,6],norm=batch` as keyword arguments: numbers, lists and the like as JSON or Python write
    them, anything else as text. Raises UsageError."""
    arguments = {}
    for assignment in _BETWEEN_ARGUMENTS.split(text) if text.strip() else ():
        name, equals, value = (part.strip() for part in assignment.partition("="))
        if not name.isidentifier() or not equals:
            raise UsageError(f"{assignment!r} is no argument; write NAME=VALUE, for example width=32,classes=19")
        arguments[name] = _value(value)
    return arguments


def _value(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def add_python_module(
    label: str,
    folder: Path,
    arguments: dict[str, Any],
    inputs: Sequence[GivenInput],
    name: str | None = None,
) -> ModelSpec:
    """The spec of a module, which `load_spec` knows by its id from now on.

    `label` is `FILE.py:NAME`, with a file relative to `folder`; `name` becomes the id, which without it is the
    builder's name and a short hash of sources and arguments, so that another network has another one. The module is
    built and called once, in a process of its own. Raises UsageError, SpecError, ExportError for what is wrong with it.
    """
    from pydantic import ValidationError

    from latency_bench.harness.export.key import hash_builder
    from latency_bench.harness.export.module_interface import interface_of
    from latency_bench.model_specs.catalog import add_spec, require_free_id
    from latency_bench.model_specs.spec import ID_PATTERN, InputSpec, ModelSpec, OutputSpec, Provenance
    from latency_bench.model_specs.user_builders import register

    builder = register(label, folder)
    model_id = name or own_id(builder, arguments)
    if not re.fullmatch(ID_PATTERN, model_id):
        raise UsageError(f"--name {model_id!r}: write lower-case letters, digits and . _ -, for example my-net")
    require_free_id(model_id)
    sources_sha256, _ = hash_builder(label)
    interface = interface_of(builder, arguments, inputs)
    try:
        spec = ModelSpec(
            id=model_id,
            family="module",
            title=builder.attribute if name is None else name,
            task="generic",
            builder=label,
            arguments=arguments,
            inputs=tuple(
                InputSpec(**_values(given), name=of_forward, shape=given.shape)
                for given, of_forward in zip(inputs, interface.inputs, strict=True)
            ),
            outputs=tuple(OutputSpec(name=_tensor_name(output)) for output in interface.outputs),
            provenance=Provenance(paper="unknown", code=f"{label}, SHA-256 {sources_sha256}", license="unknown"),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"{label}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    add_spec(spec)
    return spec


def own_id(builder: UserBuilder, arguments: dict[str, Any]) -> str:
    """The builder's name, and a short hash of its sources and arguments. Raises ExportError for a file that is no
    Python."""
    from latency_bench.harness.export.key import hash_builder

    content = json.dumps([hash_builder(builder.label)[0], arguments], sort_keys=True, default=str)
    digest = hashlib.sha256(content.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{builder.attribute.lower().strip('_')[:60] or 'module'}-{digest}"


def _values(given: GivenInput) -> dict[str, Any]:
    """Noise for an image; ones and zeros are valid indices and masks, whatever an integer input means."""
    if given.dtype == "float32":
        return {}
    return {"dtype": given.dtype, "distribution": "uniform", "low": 0.0, "high": 2.0}


def _tensor_name(text: str) -> str:
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    return plain if re.match(r"[A-Za-z_]", plain) else f"output_{plain}"
