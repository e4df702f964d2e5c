"""In which numbers the layers with weights of an ONNX file really compute: told by the graph that ONNX Runtime made of
it. A pair of DequantizeLinear and QuantizeLinear around a layer that has no integer kernel stays, and where there is
no kernel in half precision its weights are changed to float32 once and for all; such a layer computes in float32."""

import mmap
from typing import Any, Dict, List, Sequence

from ..runtime.weighted_layers import WeightedLayers
from .onnx_file import Node, constant_types, read_nodes

_MARKS = frozenset(
    ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "MatMulInteger", "ConvInteger")
)
"""Operators of ONNX that only a quantised file has."""
_INTEGER = {
    "QLinearConv": 3,
    "QLinearMatMul": 3,
    "QGemm": 3,
    "ConvInteger": 1,
    "MatMulInteger": 1,
    "MatMulIntegerToFloat": 1,
    "DynamicQuantizeMatMul": 1,
}
_FLOAT = {
    "Conv": 1,
    "FusedConv": 1,
    "NhwcFusedConv": 1,
    "ConvTranspose": 1,
    "MatMul": 1,
    "FusedMatMul": 1,
    "Gemm": 1,
    "FusedGemm": 1,
}
"""Layers that may have weights, with the place of these among their inputs."""
_CONVERSIONS = frozenset(("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast"))
_TYPES = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}
"""Numbers with a fraction, of onnx.TensorProto.DataType."""
_HALF = frozenset(("float16", "bfloat16"))


def is_single_precision(artifact: str) -> bool:
    """Whether a file was made for neither integers nor half precision. Only its description is read, so that it costs
    no memory whatever it weighs. For what is no ONNX file the answer is yes: the runtime will say what is wrong."""
    try:
        with open(artifact, "rb") as stream:
            # Not closed by hand: what an error holds of it would forbid that, and the error would be another one.
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        nodes = read_nodes(content)
        if any(node.operator in _MARKS for node in nodes):
            return False
        return not any(_TYPES.get(kind) in _HALF for kind in constant_types(content, nodes).values())
    except (ValueError, OSError):
        return True


def weighted_layers(optimised: bytes) -> WeightedLayers:
    """From the graph that the runtime executes. Raises ValueError for what is no ONNX."""
    return _weighted(optimised, read_nodes(optimised))


def _weighted(optimised: bytes, nodes: Sequence[Node]) -> WeightedLayers:
    constants = {name: _TYPES.get(kind, "") for name, kind in constant_types(optimised, nodes).items()}
    for node in nodes:
        if node.inputs[:1] and node.inputs[0] in constants:
            if node.operator == "DequantizeLinear":
                constants.update((name, "float32") for name in node.outputs)
            elif node.operator == "Cast":
                # Weights are cast where a kernel takes the other of the two.
                other = "float32" if constants[node.inputs[0]] in _HALF else "float16"
                constants.update((name, other) for name in node.outputs)
    precisions: List[str] = []
    conversions = 0
    for node in nodes:
        for places in (_INTEGER, _FLOAT):
            place = places.get(node.operator)
            if place is not None and place < len(node.inputs) and node.inputs[place] in constants:
                weight = constants[node.inputs[place]]
                precisions.append("int8" if places is _INTEGER else weight or "float32")
        conversions += node.operator in _CONVERSIONS and not constants.keys() & node.inputs[:1]
    return WeightedLayers.of(precisions, conversions)


def layer_facts(optimised: bytes) -> Dict[str, Any]:
    """`weighted_layers` of the graph that the runtime executes; and `layer_precisions` where nothing was made for
    integers, since half precision falls back without a word. Raises ValueError for what is no ONNX."""
    nodes = read_nodes(optimised)
    layers = _weighted(optimised, nodes)
    quantised = any(node.operator in _MARKS or node.operator in _INTEGER for node in nodes)
    half = {} if quantised else {"layer_precisions": layers.precisions}
    return {**half, "weighted_layers": layers.to_json()}
