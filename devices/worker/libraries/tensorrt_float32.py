"""Layers of a TensorRT network that stay in float32 where the builder is asked for half precision.

They hold sums over all tokens of a linear attention, which pass the largest float16; the file says so in their names. A
network that is strongly typed needs none of this: its file has their types.
"""

from typing import Any

MARK = "stays_float32"


def hold_float32(trt: Any, network: Any, config: Any) -> int:
    """Bind the layers with the mark to float32, and the builder to that. How many there are."""
    floats = [getattr(trt.DataType, name) for name in ("FLOAT", "HALF")]
    held = 0
    for layer in (network.get_layer(number) for number in range(network.num_layers)):
        outputs = [layer.get_output(number) for number in range(layer.num_outputs)]
        if MARK in str(layer.name) and all(tensor.dtype in floats for tensor in outputs):
            layer.precision = trt.DataType.FLOAT
            for number in range(layer.num_outputs):
                layer.set_output_type(number, trt.DataType.FLOAT)
            held += 1
    if held:
        # 8.0 has another name for it.
        flags = trt.BuilderFlag
        has_new = hasattr(flags, "OBEY_PRECISION_CONSTRAINTS")
        config.set_flag(flags.OBEY_PRECISION_CONSTRAINTS if has_new else flags.STRICT_TYPES)
    return held
