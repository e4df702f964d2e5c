"""Small ONNX files with interfaces of all kinds, written without a model of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

Shape = Sequence[int | str | None] | None


def value(name: str, shape: Shape, element: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape)


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Mapping[str, Any] | None = None,
) -> Path:
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def save_identity(path: Path, shape: Shape, element: int = TensorProto.FLOAT, name: str = "x") -> Path:
    """One input that is the output."""
    node = helper.make_node("Identity", [name], ["y"])
    return save(path, [node], [value(name, shape, element)], [value("y", shape, element)])
