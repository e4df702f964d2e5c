"""In which numbers the layers with weights of a quantised ONNX file really compute: told by the operators of the graph
that ONNX Runtime made of it. A pair of DequantizeLinear and QuantizeLinear around a layer that has no integer kernel
stays, and the layer computes in float32."""

import mmap
from typing import Any, Dict, List

from ..runtime.weighted_layers import WeightedLayers
from .onnx_file import initializer_names, read_nodes

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
_CONVERSIONS = frozenset(("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"))


def is_quantised(artifact: str) -> bool:
    """Whether a file was made for integers. Only its nodes are read, so that it costs no memory whatever it weighs. For
    what is no ONNX file the answer is no: the runtime will say what is wrong with it."""
    try:
        with open(artifact, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(node.operator in _MARKS for node in read_nodes(content))
    except (ValueError, OSError):
        return False


def weighted_layers(optimised: bytes) -> Dict[str, Any]:
    """The fact `weighted_layers`, from the graph that the runtime executes. Raises ValueError for what is no ONNX."""
    nodes = read_nodes(optimised)
    constants = set(initializer_names(optimised))
    constants.update(
        name
        for node in nodes
        if node.operator == "DequantizeLinear" and node.inputs[0] in constants
        for name in node.outputs
    )
    precisions: List[str] = []
    conversions = 0
    for node in nodes:
        for places, precision in ((_INTEGER, "int8"), (_FLOAT, "float32")):
            place = places.get(node.operator)
            if place is not None and place < len(node.inputs) and node.inputs[place] in constants:
                precisions.append(precision)
        conversions += node.operator in _CONVERSIONS and node.inputs[0] not in constants
    return WeightedLayers.of(precisions, conversions).to_json()
