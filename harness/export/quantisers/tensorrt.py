"""Pairs of QuantizeLinear and DequantizeLinear as TensorRT takes them, set by ONNX Runtime's quantiser.

Weights and activations are int8 around zero: the parser refuses any other zero point. Weights keep all of their 8 bits,
since a GPU adds products up in 32. The file has them in fp32 before a pair of their own, which the builder folds, and
biases in fp32, for which it has no integers. What follows a layer is not quantised for it, so that the builder is free
to fuse both (NVIDIA, TensorRT documentation, "Working with Quantized Types").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latency_bench.harness.export.onnx_layers import WEIGHTED, rewritten, weighted_layers
from latency_bench.harness.export.quantiser import Quantiser, Sample
from latency_bench.harness.export.quantisers.onnxruntime import insert_pairs


class TensorRtQuantiser(Quantiser):
    name = "tensorrt"
    precisions = ("int8",)
    modules = ("onnxruntime", "onnx")
    distributions = ("onnxruntime",)

    def quantise(self, path: Path, precision: str, calibration: Sequence[Sample]) -> dict[str, Any]:
        from onnxruntime.quantization import QuantType

        with rewritten(path) as draft:
            layers = weighted_layers(draft.model)
            insert_pairs(
                draft,
                layers,
                calibration,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                extra_options={
                    "ActivationSymmetric": True,
                    "WeightSymmetric": True,
                    "AddQDQPairToWeight": True,
                    "QuantizeBias": False,
                    "OpTypesToExcludeOutputQuantization": list(WEIGHTED),
                },
            )
        return {"quantiser": self.name, "layers": len(layers), "of_layers": len(layers)}
