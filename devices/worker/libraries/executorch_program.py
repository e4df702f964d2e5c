"""What a program of ExecuTorch computes, read from its file: its inputs and outputs, the kernels that it calls, and the
nodes of the graphs that XNNPACK computes for it.

Numbers of fields are those of `schema/program.fbs` and `backends/xnnpack/serialization/schema.fbs` of ExecuTorch, which
only ever get longer.
"""

import mmap
from collections import OrderedDict
from typing import Any, Dict, Iterable, List, NamedTuple

from ..runtime.base import TensorInfo
from ..runtime.weighted_layers import WeightedLayers
from .flatbuffer_tables import Table, number_at

METHOD = "forward"
"""Name of the method that a program for inference has."""
XNNPACK = "XnnpackBackend"
_DTYPES = {0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 7: "float64"}
_DTYPES.update({11: "bool", 15: "bfloat16", 27: "uint16", 28: "uint32", 29: "uint64"})
"""By number of PyTorch's ScalarType."""
_TENSOR = 5
"""Kind of a value."""
_KERNEL_CALL, _DELEGATE_CALL = 1, 2
"""Kinds of instructions."""
_IN_SEGMENT = 1
_QUANTISED_VALUE = 2
NODES_WITH_WEIGHTS = {
    "XNNFullyConnected": (2, 0),
    "XNNConv2d": (7, 15),
    "XNNDepthwiseConv2d": (13, 15),
    "XNNConvTranspose2d": (39, 15),
}
"""Number of the kind of node, and of the field that has the id of the activations."""
CONVERSION = ("XNNConvert", 18)
_ACTIVATIONS = dict(NODES_WITH_WEIGHTS.values())
_TYPES = {1: "float32", 2: "float16", 3: "int8", 4: "int8", 5: "int32", 9: "int8"}
"""Of activations, by `XNNDatatype`; 9 is int8 with ranges that are found while running."""
_WEIGHTED_KERNELS = ("aten::convolution.out", "aten::linear.out", "aten::addmm.out")
_CONVERTING_KERNELS = ("quantized_decomposed::quantize", "quantized_decomposed::dequantize")


class Node(NamedTuple):
    """One node of a graph of XNNPACK. `precision` is what a layer with weights computes in, by numpy's name; empty for
    any other node."""

    kind: int
    precision: str


class Program(NamedTuple):
    """One method. `kernels` are its own, by name and in order; what another delegate takes is one of them, called as
    that delegate. `partitions` are the pieces that XNNPACK computes. A program has no names for what it takes and
    gives: `input0`, `output0`."""

    inputs: List[TensorInfo]
    outputs: List[TensorInfo]
    kernels: List[str]
    partitions: List[List[Node]]

    def delegation(self) -> Dict[str, Any]:
        """The fact of that name: how many nodes XNNPACK took in how many pieces, and what stayed outside."""
        taken = sum(map(len, self.partitions))
        outside: Dict[str, int] = OrderedDict()
        for name in sorted(self.kernels):
            outside[name] = outside.get(name, 0) + 1
        return OrderedDict(
            delegate="XNNPACK",
            nodes=taken + len(self.kernels),
            delegated=taken,
            partitions=len(self.partitions),
            full=not self.kernels,
            outside=outside,
        )

    def weighted_layers(self) -> WeightedLayers:
        nodes = [node for partition in self.partitions for node in partition]
        outside = ["float32" for name in self.kernels if name in _WEIGHTED_KERNELS]
        converting = sum(name.startswith(_CONVERTING_KERNELS) for name in self.kernels)
        conversions = converting + sum(node.kind == CONVERSION[1] for node in nodes)
        return WeightedLayers.of(outside + [node.precision for node in nodes if node.precision], conversions)

    def missing_kernels(self, registered: Iterable[str]) -> List[str]:
        """Those that a runtime with these kernels has not."""
        return sorted(set(self.kernels) - set(registered))


def read_program(path: str) -> Program:
    """Raises ValueError for a file that is no program with a method `forward` on tensors, or whose part for
    XNNPACK cannot be read."""
    with open(path, "rb") as stream:
        # Mapped, because the weights in it would otherwise be part of the memory that is measured.
        content = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    if bytes(content[4:6]) != b"ET":
        raise ValueError("the file is not a program of ExecuTorch")
    try:
        return _read(content)
    except (IndexError, KeyError) as error:
        raise ValueError("the program is damaged: it has no %s" % error)


def _read(content: memoryview) -> Program:
    program = Table.root(content)
    plans = [plan for plan in program.tables(1) if plan.text(0) == METHOD]
    if not plans:
        raise ValueError("the program has no method %s" % METHOD)
    plan = plans[0]
    operators = [_full_name(operator) for operator in plan.tables(6)]
    delegates = plan.tables(7)
    kernels: List[str] = []
    partitions: List[List[Node]] = []
    for chain in plan.tables(5):
        for instruction in chain.tables(2):
            kind = instruction.number(0, "B")
            if kind == _KERNEL_CALL:
                kernels.append(operators[instruction.table(1).number(0, "i")])
            elif kind == _DELEGATE_CALL:
                delegate = delegates[instruction.table(1).number(0, "i")]
                if delegate.text(0) == XNNPACK:
                    partitions.append(_nodes(content, _payload_place(content, program, delegate.table(1))))
                else:
                    kernels.append(delegate.text(0))
    values = plan.tables(2)
    inputs = [_tensor("input%d" % place, values[index]) for place, index in enumerate(plan.numbers(3))]
    outputs = [_tensor("output%d" % place, values[index]) for place, index in enumerate(plan.numbers(4))]
    return Program(inputs, outputs, kernels, partitions)


def _tensor(name: str, value: Table) -> TensorInfo:
    if value.number(0, "B") != _TENSOR:
        raise ValueError("%s of the program is not a tensor" % name)
    tensor = value.table(1)
    kind = tensor.number(0, "b")
    if kind not in _DTYPES:
        raise ValueError("%s is of PyTorch's type %d, which numpy has not" % (name, kind))
    return TensorInfo(name, tuple(tensor.numbers(2)), _DTYPES[kind])


def _full_name(operator: Table) -> str:
    """`aten::add.out`"""
    name, overload = operator.text(0), operator.text(1)
    return "%s.%s" % (name, overload) if overload else name


def _payload_place(content: memoryview, program: Table, reference: Table) -> int:
    """Where what a delegate was given begins: in the program itself, or in a segment behind it."""
    index = reference.number(1)
    if reference.number(0, "b") != _IN_SEGMENT:
        return program.tables(3)[index].first_byte(0)
    if bytes(content[8:12]) != b"eh00":
        raise ValueError("the program does not say where its segments begin")
    return number_at(content, "Q", 24) + program.tables(4)[index].number(0, "Q")


def _nodes(content: memoryview, place: int) -> List[Node]:
    """The graph stands behind a header (`XNNHeader`), which says where."""
    if bytes(content[place + 4 : place + 8]) == b"XH00":
        place += number_at(content, "I", place + 10)
    graph = Table.root(content, place)
    types: Dict[int, str] = {}
    for value in graph.tables(2):
        tensor = value.table(1)
        if value.number(0, "B") == _QUANTISED_VALUE:
            tensor = tensor.table(0)
        types[tensor.number(6)] = _TYPES.get(tensor.number(0, "h"), "unknown")
    return [_node(node, types) for node in graph.tables(1)]


def _node(node: Table, types: Dict[int, str]) -> Node:
    """A layer computes in what its activations are: weights alone that are integers are widened first."""
    kind = node.number(0, "B")
    activations = _ACTIVATIONS.get(kind)
    return Node(kind, "" if activations is None else types[node.table(1).number(activations)])
