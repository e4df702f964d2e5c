"""What a TFLite file of the user's says of itself: its interface and its precision. The weights are not read."""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.file_precision import precision_of
from latency_bench.harness.export.foreign_file import refuse_foreign
from latency_bench.harness.export.format import FileTensor, Interface
from latency_bench.harness.export.tflite_graph import DTYPES, names_of

_LEAST_BYTES = 8
"""Offset of the root, and the file identifier."""
_LARGE = 16
"""Values from which on a constant is a weight, and no shape or scale."""


def interface_of(path: Path) -> Interface:
    """Of the first subgraph. Raises ExportError for a file that is no TFLite, or not all of it."""
    refuse_foreign(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            return _read(path, content)
        except (struct.error, IndexError, ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
            raise ExportError(f"{path.name} is damaged: it points beyond its end; copy or download it again") from error


def _read(path: Path, content: mmap.mmap) -> Interface:
    from ai_edge_litert import schema_py_generated as schema

    if len(content) < _LEAST_BYTES or not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ExportError(f"{path.name} is not a TFLite file")
    model = schema.Model.GetRootAs(content, 0)
    types = names_of(schema.TensorType)
    _check_whole(model, len(content))
    main = model.Subgraphs(0)
    inputs = tuple(_file_tensor(main.Tensors(main.Inputs(index)), types) for index in range(main.InputsLength()))
    outputs = tuple(_file_tensor(main.Tensors(main.Outputs(index)), types) for index in range(main.OutputsLength()))
    return Interface(inputs, outputs, _precision(model, types, [tensor.dtype for tensor in (*inputs, *outputs)]))


def _check_whole(model: Any, size_bytes: int) -> None:
    """Raises IndexError where a buffer ends beyond the file."""
    for buffer in (model.Buffers(index) for index in range(model.BuffersLength())):
        length = buffer.DataLength()
        begin = buffer._tab.Vector(buffer._tab.Offset(4)) if length else 0
        # Weights beyond 2 GB lie behind the flatbuffer, and the buffer says where.
        if begin + length > size_bytes or buffer.Offset() + buffer.Size() > size_bytes:
            raise IndexError


def _file_tensor(tensor: Any, types: Mapping[int, str]) -> FileTensor:
    declared = types.get(tensor.Type(), f"type {tensor.Type()}")
    shape = [int(tensor.Shape(index)) for index in range(tensor.ShapeLength())]
    signature = [int(tensor.ShapeSignature(index)) for index in range(tensor.ShapeSignatureLength())]
    # `shape` then has 1 where a size is open (schema.fbs, Tensor.shape_signature).
    stated = signature if len(signature) == len(shape) else shape
    sizes: tuple[int | str, ...] = tuple("" if size < 0 else size for size in stated)
    return FileTensor(tensor.Name().decode("utf-8", "replace"), sizes, DTYPES.get(declared, declared.lower()))


def _precision(model: Any, types: Mapping[int, str], interface: list[str]) -> str:
    weights: Counter[str] = Counter()
    computed: Counter[str] = Counter()
    for subgraph in (model.Subgraphs(index) for index in range(model.SubgraphsLength())):
        for tensor in (subgraph.Tensors(index) for index in range(subgraph.TensorsLength())):
            buffer = model.Buffers(tensor.Buffer())
            declared = types.get(tensor.Type(), "")
            dtype = DTYPES.get(declared, declared.lower())
            if buffer.DataLength() or buffer.Size():
                count = 1
                for index in range(tensor.ShapeLength()):
                    count *= int(tensor.Shape(index))
                weights[dtype] += count if count >= _LARGE else 0
            else:
                computed[dtype] += 1
    floats = {dtype: count for dtype, count in weights.items() if dtype.startswith("float")}
    small = sum(weights[dtype] for dtype in ("int8", "uint8", "int4"))
    if small > sum(floats.values()):
        integers = computed["int8"] + computed["uint8"] + computed["int16"]
        return "int8" if integers > computed["float32"] else "int8-dynamic"
    precision = precision_of(floats, interface)
    # Half-precision constants behind DEQUANTIZE: what is computed is fp32.
    return "fp16-weights" if precision == "fp16" and computed["float32"] > computed["float16"] else precision
