"""Reading a TFLite file: its operators and its interface, straight from the flatbuffer."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latency_bench.harness.export.errors import ExportError

DTYPES = {name.upper(): name for name in ("float32", "float16", "int32", "int64", "int8", "uint8")}
"""numpy's names of the schema's tensor types, as far as an interface may have them."""


@dataclass(frozen=True)
class InterfaceTensor:
    """An input or output as the file declares it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class TfliteGraph:
    """What the exporter checks and records."""

    schema_version: int
    operators: Mapping[str, int]
    """How many nodes of each type, custom ones under their own name."""
    custom_operators: frozenset[str]
    inputs: tuple[InterfaceTensor, ...]
    outputs: tuple[InterfaceTensor, ...]


def read_graph(path: Path) -> TfliteGraph:
    """All subgraphs' operators, the first subgraph's interface. Raises ExportError where the file is no TFLite."""
    from ai_edge_litert import schema_py_generated as schema

    content = path.read_bytes()
    if not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ExportError(f"{path.name} is not a TFLite file")
    model = schema.Model.GetRootAs(content)
    builtin_names = names_of(schema.BuiltinOperator)
    names, custom = [], set()
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        # The first field is a byte that newer operators overflow; files carry both (schema.fbs, version 3a).
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = builtin_names.get(builtin, f"BUILTIN_{builtin}")
        if builtin == schema.BuiltinOperator.CUSTOM:
            name = (code.CustomCode() or b"?").decode("utf-8", "replace")
            custom.add(name)
        names.append(name)
    operators: Counter[str] = Counter()
    for index in range(model.SubgraphsLength()):
        subgraph = model.Subgraphs(index)
        operators.update(names[subgraph.Operators(i).OpcodeIndex()] for i in range(subgraph.OperatorsLength()))
    main = model.Subgraphs(0)
    types = names_of(schema.TensorType)
    inputs = tuple(interface_tensor(main.Tensors(int(i)), types) for i in main.InputsAsNumpy())
    outputs = tuple(interface_tensor(main.Tensors(int(i)), types) for i in main.OutputsAsNumpy())
    used_custom = frozenset(custom & set(operators))
    return TfliteGraph(model.Version(), operators, used_custom, inputs, outputs)


def names_of(enumeration: type) -> dict[int, str]:
    """Value -> name of an enumeration of the generated schema."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def interface_tensor(tensor: Any, types: Mapping[int, str]) -> InterfaceTensor:
    declared = types.get(tensor.Type(), f"type {tensor.Type()}")
    shape = tuple(int(size) for size in np.atleast_1d(tensor.ShapeAsNumpy())) if tensor.ShapeLength() else ()
    return InterfaceTensor(tensor.Name().decode("utf-8", "replace"), shape, DTYPES.get(declared, declared))


def constant_bytes(path: Path) -> dict[str, int]:
    """Bytes of the constants (weights, shapes, ...) by type. A buffer that several tensors share counts once."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    types = names_of(schema.TensorType)
    sizes: Counter[str] = Counter()
    counted = {0}  # buffer 0 is empty, for everything that is no constant
    for subgraph in (model.Subgraphs(index) for index in range(model.SubgraphsLength())):
        for tensor in (subgraph.Tensors(index) for index in range(subgraph.TensorsLength())):
            buffer = model.Buffers(tensor.Buffer())
            if tensor.Buffer() not in counted and (size := max(buffer.DataLength(), buffer.Size())):
                counted.add(tensor.Buffer())
                sizes[types[tensor.Type()].lower()] += size
    return dict(sorted(sizes.items()))


def rename_tensors(path: Path, inputs: list[str], outputs: list[str]) -> None:
    """Give the inputs and outputs these names in place of the converter's longer ones (`serving_default_image`).

    A flatbuffer string is a length and its bytes, so a shorter one fits where the longer one was. Raises ExportError
    where their number differs, or where a name would not fit.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = bytearray(path.read_bytes())
    main = schema.Model.GetRootAs(content).Subgraphs(0)
    pairs = []
    for indices, names in ((main.InputsAsNumpy(), inputs), (main.OutputsAsNumpy(), outputs)):
        if len(indices) != len(names):
            raise ExportError(f"the TFLite graph has {len(indices)} tensors where {len(names)} were expected: {names}")
        pairs += [(main.Tensors(int(index)), name.encode()) for index, name in zip(indices, names, strict=True)]
    for tensor, name in pairs:
        if name not in tensor.Name():
            raise ExportError(f"the TFLite tensor {tensor.Name()!r} stands where {name.decode()!r} was expected")
        table = tensor._tab
        name_field = 10  # offset in the vtable of the fourth field of `table Tensor` in schema.fbs: 4 + 2 * 3
        field = table.Pos + table.Offset(name_field)
        position = field + struct.unpack_from("<I", content, field)[0]
        old_length = struct.unpack_from("<I", content, position)[0]
        struct.pack_into("<I", content, position, len(name))
        content[position + 4 : position + 4 + old_length] = name.ljust(old_length, b"\0")
    path.write_bytes(content)
