"""What an ONNX file of the user's says of itself: its interface, the files that belong to it, its precision.

The weights are never read: of a file of any size only the graph is parsed.
"""

from __future__ import annotations

import math
import mmap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench_worker.libraries.onnx_file import without_weights
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.file_precision import precision_of
from latency_bench.harness.export.foreign_file import refuse_foreign
from latency_bench.harness.export.format import FileTensor, Interface

if TYPE_CHECKING:
    import onnx

_STATIC_INT8 = {"QLinearConv", "QLinearMatMul", "QGemm", "QuantizeLinear", "ConvInteger", "MatMulInteger"}
"""Operators that only a graph with quantised activations has."""
_SHRUNK_WEIGHTS = {"DynamicQuantizeLinear": "int8-dynamic", "MatMulNBits": "int4-weights"}
"""Operators of graphs whose weights alone are small; their activations are quantised while running, or not at all."""


def read_model(path: Path) -> onnx.ModelProto:
    """The model without the values of its initializers. Raises ExportError for a file that is none."""
    import onnx

    refuse_foreign(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            view = memoryview(content)
            try:
                skeleton = without_weights(view)
            finally:
                view.release()
        model: onnx.ModelProto = onnx.ModelProto.FromString(skeleton)
    except Exception as error:  # protobuf has several, none of them public
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExportError(f"{path.name} is damaged, or no ONNX file: {reason}") from error
    if not model.graph.node and not model.graph.output:
        raise ExportError(f"{path.name} is damaged, or no ONNX file: there is no graph in it")
    return model


def external_files(model: onnx.ModelProto) -> tuple[str, ...]:
    """Names of the files with weights, as the model has them, sorted."""
    places = {
        entry.value
        for tensor in _tensors(model.graph)
        if tensor.data_location == tensor.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return tuple(sorted(places))


def interface_of(model: onnx.ModelProto) -> Interface:
    """Inputs without those that have a default value in the file, outputs, and the precision."""
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    inputs = tuple(_file_tensor(value) for value in model.graph.input if value.name not in weights)
    outputs = tuple(_file_tensor(value) for value in model.graph.output)
    return Interface(inputs, outputs, _precision(model, [tensor.dtype for tensor in (*inputs, *outputs)]))


def _file_tensor(value: onnx.ValueInfoProto) -> FileTensor:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return FileTensor(value.name, None, str(kind or "nothing").removesuffix("_type").replace("_", " "))
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return FileTensor(value.name, None, _dtype(tensor.elem_type))
    sizes = tuple(size.dim_value if size.HasField("dim_value") else size.dim_param for size in tensor.shape.dim)
    # Some writers state a size that is open as -1.
    shape = tuple("" if isinstance(size, int) and size < 0 else size for size in sizes)
    return FileTensor(value.name, shape, _dtype(tensor.elem_type))


def _dtype(element: int) -> str:
    import onnx

    if element == onnx.TensorProto.STRING:
        return "string"
    try:
        return str(onnx.helper.tensor_dtype_to_np_dtype(element).name)
    except KeyError:
        return f"of unknown type {element}"


def _precision(model: onnx.ModelProto, types: list[str]) -> str:
    operators = {node.op_type for graph in _graphs(model.graph) for node in graph.node}
    for operator, precision in _SHRUNK_WEIGHTS.items():
        if operator in operators:
            return precision
    if operators & _STATIC_INT8:
        return "int8"
    if "DequantizeLinear" in operators:
        return "int8-dynamic"
    counts: Counter[str] = Counter()
    for tensor in _tensors(model.graph):
        counts[_dtype(tensor.data_type)] += math.prod(tensor.dims)
    return precision_of(counts, types)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph, and those within its nodes, such as the branches of an If."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inner)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """All constants: initializers, and attributes of nodes."""
    for part in _graphs(graph):
        yield from part.initializer
        for sparse in part.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in part.node:
            for attribute in node.attribute:
                yield from ([attribute.t] if attribute.HasField("t") else [])
                yield from attribute.tensors
