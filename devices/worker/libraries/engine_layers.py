"""Which precision the layers of a TensorRT engine really have, from what its inspector tells."""

import re
from collections import OrderedDict
from typing import Any, Dict, List, Optional

from ..runtime.weighted_layers import WeightedLayers

# Layers that move or convert data; their type says nothing about where the time goes.
_MOVES_DATA = (
    "reformat",
    "shuffle",
    "constant",
    "noop",
    "slice",
    "concat",
    "identity",
    "cast",
    "signal",
    "wait",
    "shape",
)
_TYPES = (
    (re.compile(r"\b(fp16|half|f16)\b", re.I), "float16"),
    (re.compile(r"\b(bf16|bfloat16|bfloat)\b", re.I), "bfloat16"),
    (re.compile(r"\b(int8|i8)\b", re.I), "int8"),
    (re.compile(r"\b(fp8|f8|e4m3\w*)\b", re.I), "float8"),
    (re.compile(r"\b(fp32|float|f32|float32)\b", re.I), "float32"),
)


# Layers that do nothing but change from one number format or memory layout to another.
_CONVERTS = ("reformat", "quantize", "cast")


def layer_facts(layers: Optional[List[Any]]) -> Dict[str, Any]:
    """`layer_precisions` and `weighted_layers`, as far as the inspector tells them."""
    facts: Dict[str, Any] = OrderedDict()
    precisions = layer_precisions(layers)
    if precisions is not None:
        facts["layer_precisions"] = precisions
        weighted = _weighted_layers(layers or [])
        if weighted.precisions:
            facts["weighted_layers"] = weighted.to_json()
    return facts


def _weighted_layers(layers: List[Any]) -> WeightedLayers:
    """Convolutions, and whatever else the inspector names weights of."""
    weighted = [layer for layer in layers if _has_weights(layer) and not _moves_data(layer)]
    precisions = [precision for precision in map(_precision, weighted) if precision is not None]
    conversions = sum(any(word in _kind(layer) for word in _CONVERTS) for layer in layers)
    return WeightedLayers.of(precisions, conversions)


def _has_weights(layer: Dict[str, Any]) -> bool:
    weights = layer.get("Weights")
    named = isinstance(weights, dict) and bool(weights.get("Count"))
    return named or "convolution" in _kind(layer)


def layer_precisions(layers: Optional[List[Any]]) -> Optional[Dict[str, int]]:
    """Layers that compute, counted by the type they compute in: {"float16": 61, "float32": 4}.

    None where the inspector tells no types: an engine that was built without detailed profiling gives names alone. A
    fused layer counts once. A layer computes in the type of what it reads where it reads activations of one type; with
    several, in the narrowest, which is what a kernel with half-precision operands and a float32 output does.
    """
    if not layers or not all(isinstance(layer, dict) for layer in layers):
        return None
    counts: Dict[str, int] = {}
    for layer in layers:
        if _moves_data(layer):
            continue
        precision = _precision(layer)
        if precision is not None:
            counts[precision] = counts.get(precision, 0) + 1
    return counts or None


def _precision(layer: Dict[str, Any]) -> Optional[str]:
    """None where nothing is told of its tensors."""
    types = [name for name in map(_type, layer.get("Inputs") or layer.get("Outputs") or ()) if name]
    return min(types, key=lambda name: (_WIDTHS[name], name)) if types else None


def layer_operators(layers: Optional[List[Any]]) -> Dict[str, str]:
    """Types of the layers by name, as far as the inspector tells them."""
    found = [layer for layer in layers or () if isinstance(layer, dict) and layer.get("LayerType")]
    return {str(layer.get("Name")): str(layer["LayerType"]) for layer in found}


_WIDTHS = {"int8": 1, "float8": 1, "float16": 2, "bfloat16": 2, "float32": 4}


def _moves_data(layer: Dict[str, Any]) -> bool:
    return any(word in _kind(layer) for word in _MOVES_DATA)


def _kind(layer: Dict[str, Any]) -> str:
    return str(layer.get("LayerType", "")).lower()


def _type(tensor: Any) -> Optional[str]:
    """Of one input or output: 8 and 10 write it into `Format/Datatype` ("Row major linear FP32"), others apart."""
    if not isinstance(tensor, dict):
        return None
    words = " ".join(str(tensor.get(key, "")) for key in ("Format/Datatype", "Datatype", "DataType", "Type"))
    for pattern, name in _TYPES:
        if pattern.search(words):
            return name
    return None
