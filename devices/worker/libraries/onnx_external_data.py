"""Constants of an ONNX file that lie in other files, found without the package `onnx`, which a device need not have.

Field numbers are those of onnx.proto; the keys of external data are those of ONNX's "External Data" document.
"""

from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

from .protobuf_fields import fields, messages, numbers

_MODEL_GRAPH, _MODEL_FUNCTION = 7, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_FUNCTION_NODE = 7
_NODE_ATTRIBUTE = 5
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_SPARSE_PARTS = (1, 2)
"""Values and indices, each a tensor."""
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 2, 8, 13, 14
_EXTERNAL = 1
_ENTRY_KEY, _ENTRY_VALUE = 1, 2


class ExternalTensor(NamedTuple):
    """A constant whose values lie in another file."""

    name: str
    file: str
    """As the model has it: relative to the model's own folder."""
    offset: int
    size_bytes: Optional[int]
    """None where the model leaves it to type and dims."""
    data_type: int
    """Of onnx.TensorProto.DataType."""
    dims: Tuple[int, ...]


def external_files(model: Union[bytes, memoryview]) -> List[str]:
    """Names of the files that hold constants of the model, as the model gives them, sorted.

    Raises ValueError for a file that is no protobuf message.
    """
    return sorted({tensor.file for tensor in external_tensors(model)})


def external_tensors(model: Union[bytes, memoryview]) -> Iterator[ExternalTensor]:
    """Every constant that lies in another file: initializers, and attributes of nodes, in the main graph, in those
    within its nodes (the branches of an If) and in the model's functions. Raises ValueError as `external_files`."""
    for tensor in _tensors_of_model(memoryview(model)):
        facts = {number: value for number, value in fields(tensor) if number != _TENSOR_EXTERNAL}
        if facts.get(_TENSOR_LOCATION) == _EXTERNAL:
            yield _external_tensor(tensor, facts)


def _external_tensor(tensor: memoryview, facts: Dict[int, Union[int, memoryview]]) -> ExternalTensor:
    entries = {}
    for entry in messages(tensor, _TENSOR_EXTERNAL):
        texts = {number: bytes(value).decode("utf-8") for number, value in fields(entry) if not isinstance(value, int)}
        entries[texts.get(_ENTRY_KEY, "")] = texts.get(_ENTRY_VALUE, "")
    name, data_type = facts.get(_TENSOR_NAME), facts.get(_TENSOR_TYPE)
    return ExternalTensor(
        name=bytes(name).decode("utf-8") if isinstance(name, memoryview) else "",
        file=entries.get("location", ""),
        offset=int(entries.get("offset") or 0),
        size_bytes=int(entries["length"]) if entries.get("length") else None,
        data_type=data_type if isinstance(data_type, int) else 0,
        dims=tuple(numbers(tensor, _TENSOR_DIMS)),
    )


def _tensors_of_model(model: memoryview) -> Iterator[memoryview]:
    for graph in messages(model, _MODEL_GRAPH):
        yield from _tensors_of_graph(graph)
    for function in messages(model, _MODEL_FUNCTION):
        yield from _tensors_of_nodes(messages(function, _FUNCTION_NODE))


def _tensors_of_graph(graph: memoryview) -> Iterator[memoryview]:
    yield from messages(graph, _GRAPH_INITIALIZER)
    yield from _parts_of_sparse(messages(graph, _GRAPH_SPARSE))
    yield from _tensors_of_nodes(messages(graph, _GRAPH_NODE))


def _tensors_of_nodes(nodes: Iterable[memoryview]) -> Iterator[memoryview]:
    for attribute in (one for node in nodes for one in messages(node, _NODE_ATTRIBUTE)):
        yield from messages(attribute, *_ATTRIBUTE_TENSORS)
        yield from _parts_of_sparse(messages(attribute, *_ATTRIBUTE_SPARSE))
        for graph in messages(attribute, *_ATTRIBUTE_GRAPHS):
            yield from _tensors_of_graph(graph)


def _parts_of_sparse(tensors: Iterable[memoryview]) -> Iterator[memoryview]:
    for sparse in tensors:
        yield from messages(sparse, *_SPARSE_PARTS)
