"""Just enough of an ONNX file, without the package `onnx`, which a device need not have: the graph's nodes, and the
same file with more outputs.

A message of protobuf that appears twice is merged with itself field by field (protobuf.dev, "Encoding"). So outputs are
added by appending a second `graph` that holds nothing else. Field numbers are those of onnx.proto.
"""

import mmap
from typing import Dict, Iterable, List, NamedTuple, Tuple, Union

from .protobuf_fields import fields, message, messages, whole_fields

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_OUTPUT = 1, 5, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OPERATOR, _NODE_ATTRIBUTE = 1, 2, 3, 4, 5
_ATTRIBUTE_TENSOR = 5
_TENSOR_TYPE, _TENSOR_NAME = 2, 8
_TENSOR_FACTS = (1, _TENSOR_TYPE, _TENSOR_NAME, 13, 14)
"""Of a tensor: dims, data_type, name, external_data, data_location."""
_VALUE_NAME = 1


class Node(NamedTuple):
    name: str
    operator: str
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    """Names of its tensors, without optional ones that are not there."""
    held_type: int
    """TensorProto.DataType of what a node `Constant` holds; 0 for any other node."""


def read_nodes(model: "Union[bytes, mmap.mmap]") -> List[Node]:
    """The nodes of the main graph, in the file's order, in which every input comes before its use (ONNX, "Graphs").

    Raises ValueError for a file that is no protobuf message.
    """
    content = memoryview(model)
    return [_node(node) for graph in messages(content, _MODEL_GRAPH) for node in messages(graph, _GRAPH_NODE)]


def constant_types(model: "Union[bytes, mmap.mmap]", nodes: Iterable[Node]) -> Dict[str, int]:
    """TensorProto.DataType by name of the main graph's constants: its initializers, and what those of its `nodes` hold.
    Raises ValueError for a file that is no protobuf message."""
    types = {name: node.held_type for node in nodes if node.held_type for name in node.outputs}
    for graph in messages(memoryview(model), _MODEL_GRAPH):
        for tensor in messages(graph, _GRAPH_INITIALIZER):
            for name in messages(tensor, _TENSOR_NAME):
                types[bytes(name).decode("utf-8")] = _type_of(tensor)
    return types


def _type_of(tensor: memoryview) -> int:
    return next((value for number, value in fields(tensor) if number == _TENSOR_TYPE and isinstance(value, int)), 0)


def without_weights(model: memoryview) -> bytes:
    """The model with the initializers of its main graph described, and without their values: small, whatever it weighs.

    Raises ValueError for a file that is no protobuf message.
    """
    return b"".join(
        message(_MODEL_GRAPH, _graph_without_weights(value))
        if number == _MODEL_GRAPH and isinstance(value, memoryview)
        else whole
        for number, value, whole in whole_fields(model)
    )


def _graph_without_weights(graph: memoryview) -> bytes:
    return b"".join(
        message(_GRAPH_INITIALIZER, b"".join(part for name, _, part in whole_fields(value) if name in _TENSOR_FACTS))
        if number == _GRAPH_INITIALIZER and isinstance(value, memoryview)
        else whole
        for number, value, whole in whole_fields(graph)
    )


def with_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """The model with these tensors as outputs too; their types are left to the runtime's own inference."""
    graph = b"".join(message(_GRAPH_OUTPUT, message(_VALUE_NAME, name.encode("utf-8"))) for name in names)
    return model + message(_MODEL_GRAPH, graph)


def _node(content: memoryview) -> Node:
    texts: Dict[int, List[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_NAME: [], _NODE_OPERATOR: []}
    for number, value in fields(content):
        if number in texts and isinstance(value, memoryview):
            texts[number].append(bytes(value).decode("utf-8"))
    # An optional one that is not there has an empty name.
    inputs, outputs = (tuple(name for name in texts[which] if name) for which in (_NODE_INPUT, _NODE_OUTPUT))
    operator = "".join(texts[_NODE_OPERATOR][-1:])
    held_type = _held_type(content) if operator == "Constant" else 0
    return Node("".join(texts[_NODE_NAME][-1:]) or "".join(outputs[:1]), operator, inputs, outputs, held_type)


def _held_type(constant: memoryview) -> int:
    tensors = (
        tensor for attribute in messages(constant, _NODE_ATTRIBUTE) for tensor in messages(attribute, _ATTRIBUTE_TENSOR)
    )
    return next(map(_type_of, tensors), 0)
