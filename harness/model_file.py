"""A model file that a user brings: measured as it is, with no module to check its outputs against."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.artifact import Artifact, Tensor
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.frozen_files import freeze

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import InputSpec, ModelSpec

_DTYPES = ("float32", "int32", "int64")


@dataclass(frozen=True)
class ModelFile:
    """A file as a spec (for the record) and as an artifact (for the device). `batch` is the file's own."""

    spec: ModelSpec
    artifact: Artifact
    batch: int


def open_model_file(path: Path, format_: str) -> ModelFile:
    """Read the interface of a file of a format that can be brought. A batch size that the file leaves open becomes 1.

    What is read, and measured later, is a copy in the cache. Raises UsageError for a file that is none, or whose inputs
    cannot be made (open sizes, other types, no batch), CacheError where the copy cannot be kept.
    """
    from latency_bench.model_specs.spec import ModelSpec, OutputSpec, Provenance

    target = find_format(format_)
    with _told():
        frozen = freeze(path, lambda copy: _beside(path, target.external_data(copy)))
        interface = target.read(frozen.path)
    inputs = _some(path, tuple(_measurable(path, tensor) for tensor in interface.inputs))
    batch = inputs[0].shape[0]
    spec = ModelSpec(
        id=model_id_of(path),
        family="file",
        title=path.name,
        task="generic",
        builder="file",
        inputs=tuple(_input_spec(one, index) for index, one in enumerate(inputs)),
        outputs=tuple(OutputSpec(name=_name(one.name, index)) for index, one in enumerate(interface.outputs)),
        provenance=Provenance(paper="unknown", code=f"file {path.name}", license="unknown"),
        note=f"a file that was brought, SHA-256 {frozen.sha256}",
    )
    artifact = Artifact(
        path=frozen.path,
        format=target.name,
        sha256=frozen.sha256,
        size_bytes=frozen.size_bytes,
        inputs=inputs,
        outputs=interface.outputs,
        reference=None,
        external_data=frozen.beside,
        facts={"brought": path.name},
    )
    return ModelFile(spec, artifact, batch)


def _input_spec(tensor: Tensor, index: int) -> InputSpec:
    from latency_bench.model_specs.spec import InputSpec

    fields: dict[str, Any] = {"name": _name(tensor.name, index), "shape": tensor.shape[1:], "dtype": tensor.dtype}
    if tensor.dtype != "float32":
        # Ones and zeros are valid indices and masks, whatever an integer input means.
        fields |= {"distribution": "uniform", "low": 0.0, "high": 2.0}
    return InputSpec(**fields)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raises UsageError for a file that is none of the format."""
    try:
        yield
    except ExportError as error:
        raise UsageError(str(error)) from error


def _beside(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of files that a file refers to. Raises UsageError for one that does not lie beside it."""
    for name in names:
        if Path(name).name != name or not path.with_name(name).is_file():
            raise UsageError(f"{path}: its weights lie in {name!r}, which is no file beside it")
    return names


def _measurable(path: Path, tensor: Tensor) -> Tensor:
    """The input with an open batch size closed. Raises UsageError for what no values can be made for."""
    shape = tensor.shape
    if len(shape) < 2:
        raise UsageError(f"{path}: input {tensor.name!r} has no batch dimension (shape {list(shape)})")
    if shape[0] < 1:
        shape = (1, *shape[1:])
    if min(shape) < 1:
        raise UsageError(f"{path}: input {tensor.name!r} leaves sizes open {list(shape)}; export it with fixed ones")
    if tensor.dtype not in _DTYPES:
        raise UsageError(f"{path}: input {tensor.name!r} is {tensor.dtype}; only {', '.join(_DTYPES)} can be fed")
    return Tensor(tensor.name, shape, tensor.dtype, tensor.layout)


def _some(path: Path, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if not inputs:
        raise UsageError(f"{path}: the model has no inputs")
    return inputs


def model_id_of(path: Path) -> str:
    """`file-` and what of the file's name may be part of a path."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-")
    return f"file-{plain[:60] or 'model'}"


def _name(text: str, index: int) -> str:
    """A tensor's name as a spec may have it; foreign files name tensors as they like."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    return plain if re.match(r"[A-Za-z_]", plain) else f"tensor_{index}_{plain}"
