"""What OpenVINO made of a model: the layers of its execution graph, their precisions and their times."""

from collections import OrderedDict
from typing import Any, Dict, List, NamedTuple, Sequence

from ..runtime.base import LayerTime
from ..runtime.weighted_layers import WeightedLayers

_NO_COMPUTATION = frozenset(("Input", "Output", "Parameter", "Result", "Const", "Constant", "MemoryInput"))
_MOVES_DATA = frozenset(("Reorder", "Reshape", "Transpose", "Concatenation", "Split", "StridedSlice", "Pad", "ShapeOf"))
_CONVERTS = frozenset(("Reorder", "Convert", "FakeQuantize", "Quantize"))
_WITH_WEIGHTS = frozenset(("Convolution", "Deconvolution", "FullyConnected", "GroupConvolution"))
_TYPES = {
    "f32": "float32",
    "f16": "float16",
    "bf16": "bfloat16",
    "i8": "int8",
    "u8": "int8",
    "i32": "int32",
    "i64": "int64",
    "boolean": "bool",
}
_OLD_NAMES = {"FP32": "f32", "FP16": "f16", "BF16": "bf16", "I8": "i8", "U8": "u8", "I32": "i32", "I64": "i64"}


class Layer(NamedTuple):
    """One node of the execution graph. `precision` is numpy's name of what it computes in."""

    name: str
    operator: str
    precision: str


def executed_layers(compiled: Any) -> List[Layer]:
    """The nodes that the plugin executes, in their order."""
    layers = []
    for node in compiled.get_runtime_model().get_ordered_ops():
        told = node.get_rt_info()
        operator, precision = (_text(told, name) for name in ("layerType", "runtimePrecision"))
        precision = _OLD_NAMES.get(precision, precision.lower())
        layers.append(Layer(node.get_friendly_name(), operator, _TYPES.get(precision, precision)))
    return layers


def precision_facts(layers: Sequence[Layer]) -> Dict[str, Any]:
    """`layer_precisions`: layers that compute, by what they compute in; `weighted_layers`: of those with weights.
    Nothing where the plugin tells no precisions."""
    computing = [layer for layer in layers if layer.operator not in _NO_COMPUTATION | _MOVES_DATA | _CONVERTS]
    precisions: Dict[str, int] = OrderedDict()
    for layer in computing:
        if layer.precision:
            precisions[layer.precision] = precisions.get(layer.precision, 0) + 1
    if not precisions:
        return {}
    weighted = [layer.precision for layer in computing if layer.operator in _WITH_WEIGHTS]
    conversions = sum(layer.operator in _CONVERTS for layer in layers)
    facts = {"layer_precisions": precisions}
    if weighted:
        facts["weighted_layers"] = WeightedLayers.of(weighted, conversions).to_json()
    return facts


def layer_times(request: Any, count: int) -> List[LayerTime]:
    """Times by node over `count` requests after one that warms up, slowest first. The plugin counts microseconds."""
    request.infer(share_outputs=True)
    total_ns: Dict[str, int] = OrderedDict()
    operators: Dict[str, str] = {}
    for _ in range(count):
        request.infer(share_outputs=True)
        for node in request.get_profiling_info():
            if "EXECUTED" in str(node.status) and "NOT" not in str(node.status):
                operators[node.node_name] = str(node.node_type)
                elapsed_ns = int(node.real_time.total_seconds() * 1e9)
                total_ns[node.node_name] = total_ns.get(node.node_name, 0) + elapsed_ns
    layers = [LayerTime(name, operators[name], count, time_ns) for name, time_ns in total_ns.items()]
    return sorted(layers, key=lambda layer: -layer.total_ns)


def _text(told: Any, name: str) -> str:
    """A value of a node's table of facts, which is a text in some releases and an object around one in others."""
    try:
        value = told[name]
    except KeyError:
        return ""
    return str(getattr(value, "value", value))
