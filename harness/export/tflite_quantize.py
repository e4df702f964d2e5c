"""Smaller weights for a TFLite file, with ai-edge-quantizer. Inputs and outputs stay float32.

fp16-weights  weights are stored in half precision and widened when the model is loaded; it computes in fp32
              (LiteRT's float16 quantisation)
int8-dynamic  weights are int8, one scale a channel; activations are quantised while the model runs, layer by layer
              (dynamic-range quantisation)
int8          weights and activations of the layers with weights are int8; ranges of activations come from a
              calibration (static quantisation)

Quantised are the layers with weights: convolutions and linear layers. What lies between them stays fp32: in int8 the
division of a linear attention fails outright, since a small denominator becomes 0, and normalisations lose too much.
Depthwise convolutions keep fp32 weights in int8-dynamic: XNNPACK has no such kernel, so each of them would cut the
graph in two (26 partitions instead of one in b1-seg), for a few percent of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.errors import ExportError

if TYPE_CHECKING:
    import torch

LAYERS = ("CONV_2D", "CONV_2D_TRANSPOSE", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
"""The layers with weights, by ai-edge-quantizer's names."""
NOT_DYNAMIC = ("DEPTHWISE_CONV_2D",)
"""No dynamic-range kernel in XNNPACK."""
WEIGHT_TYPES = {"fp16-weights": "float16", "int8-dynamic": "int8", "int8": "int8"}
"""The quantisations, each with the type of the weights."""
_EVERY_LAYER = ".*"
_CALIBRATION_THREADS = 2


def quantize(path: Path, precision: str, calibration: Sequence[dict[str, torch.Tensor]]) -> dict[str, Any]:
    """Rewrite the file; facts for the record. `calibration`: inputs by name in the file's layout, for int8 alone.

    Raises ExportError where the model has no weights to quantise.
    """
    import ai_edge_quantizer

    from latency_bench.harness.export.tflite_graph import constant_bytes

    before = constant_bytes(path)
    quantizer = ai_edge_quantizer.Quantizer(str(path))
    _choose(quantizer, precision)
    ranges = _calibrate(quantizer, path, calibration) if precision == "int8" else None
    result = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    # The model is a view on the old file: written beside it, then put in its place.
    smaller = path.with_name(f"{path.name}.quantized")
    smaller.write_bytes(bytes(result.quantized_model or b""))
    smaller.replace(path)
    after = constant_bytes(path)
    if after.get(WEIGHT_TYPES[precision], 0) <= before.get(WEIGHT_TYPES[precision], 0):
        raise ExportError(
            f"the model has no convolution or linear layer with weights, so nothing in it can become {precision}"
        )
    return {
        "constant_bytes": after,
        "layers": [name for name in LAYERS if precision != "int8-dynamic" or name not in NOT_DYNAMIC],
        **({"calibration_inputs": len(calibration)} if precision == "int8" else {}),
    }


def _choose(quantizer: Any, precision: str) -> None:
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    operation = qtyping.TFLOperationName
    for layer in (operation[name] for name in LAYERS):
        if precision == "fp16-weights":
            quantizer.update_quantization_recipe(
                regex=_EVERY_LAYER,
                operation_name=layer,
                algorithm_key=AlgorithmName.FLOAT_CASTING,
                op_config=qtyping.OpQuantizationConfig(
                    weight_tensor_config=qtyping.TensorQuantizationConfig(
                        num_bits=16, dtype=qtyping.TensorDataType.FLOAT
                    ),
                    compute_precision=qtyping.ComputePrecision.FLOAT,
                    explicit_dequantize=True,
                ),
            )
        elif precision == "int8":
            quantizer.add_static_config(_EVERY_LAYER, layer, activation_num_bits=8, weight_num_bits=8)
        elif layer.name not in NOT_DYNAMIC:
            quantizer.add_dynamic_config(_EVERY_LAYER, layer, num_bits=8)
    if precision == "int8":
        for end in (operation.INPUT, operation.OUTPUT):
            quantizer.update_quantization_recipe(
                regex=_EVERY_LAYER, operation_name=end, algorithm_key=AlgorithmName.NO_QUANTIZE
            )


def _calibrate(quantizer: Any, path: Path, calibration: Sequence[dict[str, torch.Tensor]]) -> Any:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer.calibrator import CalibrationMode

    (signature,) = Interpreter(model_path=str(path)).get_signature_list()
    samples = [{name: tensor.numpy() for name, tensor in sample.items()} for sample in calibration]
    # The other mode keeps every activation of the model in memory at once.
    mode = CalibrationMode.CALIBRATION_PROFILER_BASED
    return quantizer.calibrate({signature: samples}, num_threads=_CALIBRATION_THREADS, mode=mode)
