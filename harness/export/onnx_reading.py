"""What an ONNX file of the user's says of itself: its interface, the files that belong to it, its precision.

The weights are never read: of a file of any size only the graph is parsed.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench_worker.libraries.onnx_external_data import ExternalTensor, external_tensors
from bench_worker.libraries.onnx_file import without_weights
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.file_precision import precision_of
from latency_bench.harness.export.foreign_file import refuse_foreign
from latency_bench.harness.export.format import FileTensor, Interface

if TYPE_CHECKING:
    import onnx

_STATIC_INT8 = {"QLinearConv", "QLinearMatMul", "QGemm", "QuantizeLinear", "ConvInteger", "MatMulInteger"}
"""Operators that only a graph with quantised activations has."""
_SHARES_BYTES = re.compile(r"(u?int|float)[24](?!\d)")
"""Types of two or four values a byte."""
_SHRUNK_WEIGHTS = {"DynamicQuantizeLinear": "int8-dynamic", "MatMulNBits": "int4-weights"}
"""Operators of graphs whose weights alone are small; their activations are quantised while running, or not at all."""


def read_model(path: Path) -> onnx.ModelProto:
    """The model without the values of its initializers. Raises ExportError for a file that is none."""
    import onnx

    refuse_foreign(path)
    with _as_damaged(path), _content(path) as content:
        model: onnx.ModelProto = onnx.ModelProto.FromString(without_weights(content))
    if not model.graph.node and not model.graph.output:
        raise ExportError(f"{path.name} is damaged or not an ONNX file: it has no graph in it")
    return model


def external_data(path: Path) -> tuple[ExternalTensor, ...]:
    """The constants of a model that lie in other files. Raises ExportError for a file that is none."""
    refuse_foreign(path)
    with _as_damaged(path), _content(path) as content:
        return tuple(external_tensors(content))


@contextlib.contextmanager
def _content(path: Path) -> Iterator[memoryview]:
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    # Unmapped with the last view of it: an error on its way may hold one, and closing it now would hide that error.
    yield memoryview(content)


@contextlib.contextmanager
def _as_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # protobuf has several, none of them public
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExportError(f"{path.name} is damaged, or is not an ONNX file: {reason}") from error


def check_external_data(path: Path, tensors: Sequence[ExternalTensor]) -> None:
    """Raises ExportError where a file beside the model at `path` ends before the constants that lie in it, or holds
    another number of bytes than they have."""
    for tensor in tensors:
        size_bytes = tensor.size_bytes
        if (needed_bytes := _bytes_of(tensor)) is not None:
            if size_bytes is not None and size_bytes != needed_bytes:
                raise ExportError(
                    f"{path.name} is damaged: it says that {tensor.name} takes {size_bytes} bytes of {tensor.file}, "
                    f"and its type and sizes take {needed_bytes}; export it again"
                )
            size_bytes = needed_bytes
        end_bytes = tensor.offset + (size_bytes or 0)
        held_bytes = (path.parent / tensor.file).stat().st_size
        if tensor.offset < 0 or end_bytes > held_bytes:
            if held_bytes:
                refuse_foreign(path.parent / tensor.file)
            raise ExportError(
                f"{tensor.file}, which holds weights of {path.name}, is cut short: {tensor.name} lies in its bytes "
                f"{tensor.offset} to {end_bytes}, and it has {held_bytes}; copy or download it again"
            )


def _bytes_of(tensor: ExternalTensor) -> int | None:
    """What a constant takes by its type and sizes; None for a type that is not known, or whose values share a byte."""
    import numpy as np

    name = _dtype(tensor.data_type)
    if _SHARES_BYTES.match(name):
        return None
    try:
        return math.prod(tensor.dims) * np.dtype(name).itemsize
    except TypeError:
        return None


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
    operators = {node.op_type for node in _nodes(model)}
    for operator, precision in _SHRUNK_WEIGHTS.items():
        if operator in operators:
            return precision
    if operators & _STATIC_INT8:
        return "int8"
    if "DequantizeLinear" in operators:
        return "int8-dynamic"
    counts: Counter[str] = Counter()
    for tensor in _tensors(model):
        counts[_dtype(tensor.data_type)] += math.prod(tensor.dims)
    return precision_of(counts, types)


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """All of them: of the graph, of those within its nodes, such as the branches of an If, and of functions."""
    waiting = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [inner for graph in _graphs_within(node) for inner in graph.node]


def _graphs_within(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        yield from ([attribute.g] if attribute.HasField("g") else [])
        yield from attribute.graphs


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All constants: initializers, and attributes of nodes."""
    nodes = list(_nodes(model))
    for graph in (model.graph, *(inner for node in nodes for inner in _graphs_within(node))):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from ([attribute.t] if attribute.HasField("t") else [])
        yield from attribute.tensors
