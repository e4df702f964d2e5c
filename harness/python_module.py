"""A network of the user's as a spec: in a Python file (`mynet.py:Net`, with arguments and the sizes of its inputs), or
a module that is there already."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    import torch

    from latency_bench.harness.export.module_interface import GivenInput, ModuleInterface
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
            f"{text[:60]!r} is not an input; write [NAME=]CHANNELSxHEIGHTxWIDTH[:TYPE], for example 3x512x512 or "
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
            raise UsageError(f"{assignment!r} is not an argument; write NAME=VALUE, for example width=32,classes=19")
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
    builder's name and a short hash of sources, of the data files that they read, and of arguments, so that another
    network has another one. The module is
    built and called once, in a process of its own. Raises UsageError, SpecError for what is wrong with it,
    ExportError where memory or a package is missing.
    """
    from latency_bench.harness.export.errors import ExportError
    from latency_bench.harness.export.key import hash_builder
    from latency_bench.harness.export.module_interface import interface_of
    from latency_bench.model_specs.catalog import require_free_id
    from latency_bench.model_specs.user_builders import note_data_files, register

    builder = register(label, folder)
    hash_builder(label)  # tells what is no Python before anything is run
    if name is not None:
        require_free_id(_checked_id(name))
    try:
        interface = interface_of(builder, arguments, inputs)
    except ExportError as error:
        if type(error) is not ExportError:
            raise  # memory, a package that is missing
        raise UsageError(str(error)) from error
    note_data_files(label, interface.data_files)
    sources_sha256, _ = hash_builder(label)
    model_id = _checked_id(name or own_id(builder, sources_sha256, arguments))
    require_free_id(model_id)
    return _added_spec(builder, model_id, arguments, inputs, interface, f"{label}, SHA-256 {sources_sha256}")


def add_module_object(
    module: torch.nn.Module, inputs: Sequence[GivenInput], name: str | None = None, batch: int = 1
) -> ModelSpec:
    """As `add_python_module`, for a module that is there, in a script or a notebook: torch.export saves what it
    computes for inputs of these sizes and this batch, with its weights. The module itself is left as it is.

    Raises UsageError where torch.export cannot follow it, SpecError, CacheError.
    """
    import torch

    from latency_bench.harness.export.module_interface import ModuleInterface, input_names
    from latency_bench.harness.frozen_files import freeze
    from latency_bench.model_specs.catalog import require_free_id
    from latency_bench.model_specs.user_builders import UserBuilder, add, flat_outputs, in_a_line

    title = type(module).__name__
    names = input_names(title, module, inputs)
    given = tuple(torch.zeros(batch, *one.shape, dtype=getattr(torch, one.dtype)) for one in inputs)
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            outputs = {name: tuple(tensor.shape) for name, tensor in flat_outputs(module(*given)).items()}
            program = torch.export.export(module, given)
    except Exception as error:  # whatever a person's forward raises, and whatever torch.export cannot follow
        raise UsageError(f"{title}: torch.export cannot follow its forward: {in_a_line(error)}") from error
    finally:
        module.train(was_training)
    with TemporaryFolder("module") as folder:
        file = folder / f"{title}.pt2"
        torch.export.save(program, file)
        frozen = freeze(file)
    digest = frozen.sha256[:_HASH_DIGITS]
    builder = add(UserBuilder(f"{title}-{digest}.pt2:program", frozen.path, "program"))
    model_id = _checked_id(name or f"{title.lower().strip('_')[:60]}-{digest}")
    require_free_id(model_id)
    interface = ModuleInterface(tuple(names), outputs)
    return _added_spec(builder, model_id, {}, inputs, interface, f"a module, SHA-256 {frozen.sha256}")


def _checked_id(text: str) -> str:
    """Raises UsageError for what cannot be a model's id."""
    from latency_bench.model_specs.spec import ID_PATTERN

    if not re.fullmatch(ID_PATTERN, text):
        raise UsageError(f"the name {text!r}: write lower-case letters, digits and . _ -, for example my-net")
    return text


def _added_spec(
    builder: UserBuilder,
    model_id: str,
    arguments: dict[str, Any],
    inputs: Sequence[GivenInput],
    interface: ModuleInterface,
    code: str,
) -> ModelSpec:
    from pydantic import ValidationError

    from latency_bench.model_specs.catalog import add_spec
    from latency_bench.model_specs.located_yaml import dotted, wrong_value
    from latency_bench.model_specs.spec import InputSpec, ModelSpec, OutputSpec, Provenance

    try:
        spec = ModelSpec(
            id=model_id,
            family="module",
            title=model_id,
            task="generic",
            builder=builder.label,
            arguments=arguments,
            inputs=tuple(
                InputSpec(**_values(given), name=of_forward, shape=given.shape)
                for given, of_forward in zip(inputs, interface.inputs, strict=True)
            ),
            outputs=tuple(
                OutputSpec(name=_tensor_name(output), **_sizes(shape, inputs[0].shape))
                for output, shape in interface.outputs.items()
            ),
            provenance=Provenance(paper="unknown", code=code, license="unknown"),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(
            f"{builder.label}: {dotted(first['loc'])}: {wrong_value(first['type'], first['msg'])}"
        ) from None
    add_spec(spec)
    return spec


def own_id(builder: UserBuilder, sources_sha256: str, arguments: dict[str, Any]) -> str:
    """The builder's name, and a short hash of its sources and arguments."""
    content = json.dumps([sources_sha256, arguments], sort_keys=True, default=str)
    digest = hashlib.sha256(content.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{builder.attribute.lower().strip('_')[:60] or 'module'}-{digest}"


def _values(given: GivenInput) -> dict[str, Any]:
    """Noise for an image; ones and zeros are valid indices and masks, whatever an integer input means."""
    if given.dtype == "float32":
        return {}
    return {"dtype": given.dtype, "distribution": "uniform", "low": 0.0, "high": 2.0}


def _sizes(output: Sequence[int], image: Sequence[int]) -> dict[str, Any]:
    """`channels` of scores (batch, channels), and with `stride` of maps of an image; nothing of other outputs."""
    if len(output) == 2:
        return {"channels": output[1]}
    if len(output) != 4 or len(image) != 3 or 0 in output:
        return {}
    stride = image[1] / output[2]
    return {"channels": output[1], "stride": stride} if image[2] == stride * output[3] else {}


def _tensor_name(text: str) -> str:
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    return plain if re.match(r"[A-Za-z_]", plain) else f"output_{plain}"
