"""Just enough of an ONNX file, without the package `onnx`, which a device need not have: the graph's nodes, and the
same file with more outputs.

A message of protobuf is a sequence of fields, each a key (number and wire type) and a value; a message that appears
twice is merged with itself field by field (protobuf.dev, "Encoding"). So outputs are added by appending a second
`graph` that holds nothing else. Field numbers are those of onnx.proto.
"""

import mmap
from typing import Dict, Iterable, Iterator, List, NamedTuple, Tuple, Union

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_OUTPUT = 1, 5, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OPERATOR = 1, 2, 3, 4
_TENSOR_NAME, _TENSOR_EXTERNAL = 8, 13
_TENSOR_FACTS = (1, 2, _TENSOR_NAME, _TENSOR_EXTERNAL, 14)
"""Of a tensor: dims, data_type, name, external_data, data_location."""
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_VALUE_NAME = 1
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


class Node(NamedTuple):
    name: str
    operator: str
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    """Names of its tensors, without optional ones that are not there."""


def read_nodes(model: "Union[bytes, mmap.mmap]") -> List[Node]:
    """The nodes of the main graph, in the file's order, in which every input comes before its use (ONNX, "Graphs").

    Raises ValueError for a file that is no protobuf message.
    """
    content = memoryview(model)
    return [_node(node) for graph in _messages(content, _MODEL_GRAPH) for node in _messages(graph, _GRAPH_NODE)]


def initializer_names(model: bytes) -> List[str]:
    """Names of the constants of the main graph. Raises ValueError for a file that is no protobuf message."""
    return [
        bytes(value).decode("utf-8")
        for graph in _messages(memoryview(model), _MODEL_GRAPH)
        for tensor in _messages(graph, _GRAPH_INITIALIZER)
        for value in _messages(tensor, _TENSOR_NAME)
    ]


def external_files(model: bytes) -> List[str]:
    """Names of the files that hold weights of the main graph, as the model gives them, sorted."""
    entries = [
        {number: bytes(value) for number, value in _fields(entry) if isinstance(value, memoryview)}
        for graph in _messages(memoryview(model), _MODEL_GRAPH)
        for tensor in _messages(graph, _GRAPH_INITIALIZER)
        for entry in _messages(tensor, _TENSOR_EXTERNAL)
    ]
    places = {entry.get(_ENTRY_VALUE, b"") for entry in entries if entry.get(_ENTRY_KEY) == b"location"}
    return sorted(place.decode("utf-8") for place in places)


def without_weights(model: memoryview) -> bytes:
    """The model with the initializers of its main graph described, and without their values: small, whatever it weighs.

    Raises ValueError for a file that is no protobuf message.
    """
    return b"".join(
        _message(_MODEL_GRAPH, _graph_without_weights(value))
        if number == _MODEL_GRAPH and isinstance(value, memoryview)
        else whole
        for number, value, whole in _whole_fields(model)
    )


def _graph_without_weights(graph: memoryview) -> bytes:
    return b"".join(
        _message(_GRAPH_INITIALIZER, b"".join(part for name, _, part in _whole_fields(value) if name in _TENSOR_FACTS))
        if number == _GRAPH_INITIALIZER and isinstance(value, memoryview)
        else whole
        for number, value, whole in _whole_fields(graph)
    )


def with_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """The model with these tensors as outputs too; their types are left to the runtime's own inference."""
    graph = b"".join(_message(_GRAPH_OUTPUT, _message(_VALUE_NAME, name.encode("utf-8"))) for name in names)
    return model + _message(_MODEL_GRAPH, graph)


def _node(content: memoryview) -> Node:
    texts: Dict[int, List[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_NAME: [], _NODE_OPERATOR: []}
    for number, value in _fields(content):
        if number in texts and isinstance(value, memoryview):
            texts[number].append(bytes(value).decode("utf-8"))
    # An optional one that is not there has an empty name.
    inputs, outputs = (tuple(name for name in texts[which] if name) for which in (_NODE_INPUT, _NODE_OUTPUT))
    operator = "".join(texts[_NODE_OPERATOR][-1:])
    return Node("".join(texts[_NODE_NAME][-1:]) or "".join(outputs[:1]), operator, inputs, outputs)


def _messages(content: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, value in _fields(content):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _fields(content: memoryview) -> Iterator[Tuple[int, Union[int, memoryview]]]:
    for number, value, _ in _whole_fields(content):
        yield number, value


def _whole_fields(content: memoryview) -> Iterator[Tuple[int, Union[int, memoryview], memoryview]]:
    """Number and value of each field, and the field with its key."""
    position, end = 0, len(content)
    while position < end:
        begin = position
        key, position = _varint(content, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(content, position)
            yield number, value, content[begin:position]
            continue
        if kind == _BYTES:
            size, position = _varint(content, position)
        elif kind in (_FIXED_32, _FIXED_64):
            size = 4 if kind == _FIXED_32 else 8
        else:
            raise ValueError("wire type %d" % kind)
        if position + size > end:
            raise ValueError("a field ends beyond its message")
        yield number, content[position : position + size], content[begin : position + size]
        position += size


def _varint(content: memoryview, position: int) -> Tuple[int, int]:
    """(value, position after it)."""
    value = shift = 0
    while shift < 70:
        if position >= len(content):
            raise ValueError("a number is cut off")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number of more than 64 bits")


def _message(number: int, content: bytes) -> bytes:
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
