"""A model file that a user brings: measured as it is, with no module to check its outputs against."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.artifact import Artifact, Tensor
from latency_bench.harness.frozen_files import freeze

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import InputSpec, ModelSpec

RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert"}
"""What runs a file where the user names no runtime, and the device's own loads another format."""
_DTYPES = ("float32", "int32", "int64")


@dataclass(frozen=True)
class ModelFile:
    """A file as a spec (for the record) and as an artifact (for the device). `batch` is the file's own."""

    spec: ModelSpec
    artifact: Artifact
    batch: int


def open_model_file(path: Path, format_: str) -> ModelFile:
    """Read the interface of an ONNX or TFLite file. A batch size that the file leaves open becomes 1.

    What is read, and measured later, is a copy in the cache. Raises UsageError for a file that is none, or whose inputs
    cannot be made (open sizes, other types, no batch), CacheError where the copy cannot be kept.
    """
    from latency_bench.model_specs.spec import ModelSpec, OutputSpec, Provenance

    interface, names_beside = (_onnx_interface, _external_data) if format_ == "onnx" else (_tflite_interface, _none)
    frozen = freeze(path, lambda copy: names_beside(path, copy))
    inputs, outputs = interface(path, frozen.path)
    batch = inputs[0].shape[0]
    spec = ModelSpec(
        id=_model_id(path),
        family="file",
        title=path.name,
        task="generic",
        builder="file",
        inputs=tuple(_input_spec(one, index) for index, one in enumerate(inputs)),
        outputs=tuple(OutputSpec(name=_name(one.name, index)) for index, one in enumerate(outputs)),
        provenance=Provenance(paper="unknown", code=f"file {path.name}", license="unknown"),
        note=f"a file that was brought, SHA-256 {frozen.sha256}",
    )
    artifact = Artifact(
        path=frozen.path,
        format=format_,  # type: ignore[arg-type]
        sha256=frozen.sha256,
        size_bytes=frozen.size_bytes,
        inputs=inputs,
        outputs=outputs,
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


def _onnx_interface(path: Path, copy: Path) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    import onnx

    graph = _onnx_graph(path, copy)
    weights = {tensor.name for tensor in graph.initializer}

    def tensor(value: Any) -> Tensor:
        kind = value.type.tensor_type
        shape = tuple(size.dim_value if size.HasField("dim_value") else -1 for size in kind.shape.dim)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
        return Tensor(value.name, shape, dtype, "NCHW")

    inputs = tuple(_measurable(path, tensor(value)) for value in graph.input if value.name not in weights)
    return _some(path, inputs), tuple(tensor(value) for value in graph.output)


def _onnx_graph(path: Path, copy: Path) -> Any:
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise UsageError("reading an ONNX file needs onnx: pip install 'latency-bench[onnxruntime]'") from error
    try:
        return onnx.load(str(copy), load_external_data=False).graph
    except Exception as error:  # protobuf has several, none of them public
        raise UsageError(f"{path} is no ONNX file: {str(error).splitlines()[0]}") from error


def _none(path: Path, copy: Path) -> tuple[str, ...]:
    return ()


def _external_data(path: Path, copy: Path) -> tuple[str, ...]:
    """Names of the files with the weights of an ONNX file. Raises UsageError for one that does not lie beside it."""
    graph = _onnx_graph(path, copy)
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    places = {ExternalDataInfo(tensor).location for tensor in graph.initializer if uses_external_data(tensor)}
    for place in places:
        if Path(place).name != place or not path.with_name(place).is_file():
            raise UsageError(f"{path}: its weights lie in {place!r}, which is no file beside it")
    return tuple(sorted(places))


def _tflite_interface(path: Path, copy: Path) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    from latency_bench.harness.export.errors import ExportError
    from latency_bench.harness.export.tflite_graph import read_graph

    try:
        graph = read_graph(copy)
    except ModuleNotFoundError as error:
        raise UsageError("reading a TFLite file needs LiteRT: pip install 'latency-bench[litert]'") from error
    except ExportError as error:
        raise UsageError(str(error)) from error
    inputs = tuple(_measurable(path, Tensor(one.name, one.shape, one.dtype, "NCHW")) for one in graph.inputs)
    return _some(path, inputs), tuple(Tensor(one.name, one.shape, one.dtype, "NCHW") for one in graph.outputs)


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


def _model_id(path: Path) -> str:
    """`file-` and what of the file's name may be part of a path."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-")
    return f"file-{plain[:60] or 'model'}"


def _name(text: str, index: int) -> str:
    """A tensor's name as a spec may have it; foreign files name tensors as they like."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    return plain if re.match(r"[A-Za-z_]", plain) else f"tensor_{index}_{plain}"
