"""In which numbers the layers with weights of a TFLite graph compute, from the types of their tensors."""

from typing import Any, Dict, List, Optional

from ..runtime.weighted_layers import WeightedLayers

_WEIGHTED = {"CONV_2D": (0, 1), "DEPTHWISE_CONV_2D": (0, 1), "FULLY_CONNECTED": (0, 1), "TRANSPOSE_CONV": (2, 1)}
"""Operators with weights; the places of their activations and of their weights among the inputs."""
_INTEGERS = ("int8", "uint8", "int16")


def weighted_layers(interpreter: Any) -> Optional[WeightedLayers]:
    """A layer whose weights are integers computes in int8, whether its activations are or are made so while it runs.
    None where the interpreter does not tell (`_get_ops_details` is no public method), or no layer has weights."""
    try:
        types = {int(one["index"]): _name(one["dtype"]) for one in interpreter.get_tensor_details()}
        nodes = [(str(node["op_name"]), list(node["inputs"])) for node in interpreter._get_ops_details()]
        precisions = [_precision(types, name, inputs) for name, inputs in nodes if name in _WEIGHTED]
        conversions = sum(_converts(types, name, inputs) for name, inputs in nodes)
    except Exception:
        return None
    return WeightedLayers.of(precisions, conversions) if precisions else None


def _precision(types: Dict[int, str], name: str, inputs: List[Any]) -> str:
    activations, weights = (types.get(int(inputs[place]), "float32") for place in _WEIGHTED[name])
    return "int8" if weights in _INTEGERS else activations


def _converts(types: Dict[int, str], name: str, inputs: List[Any]) -> bool:
    """Between float32 and integers; widening of weights that are stored in half precision is done once."""
    return name in ("QUANTIZE", "DEQUANTIZE") and types.get(int(inputs[0])) != "float16"


def _name(dtype: Any) -> str:
    return str(getattr(dtype, "__name__", dtype))
