"""ONNX Runtime's own quantiser: pairs of QuantizeLinear and DequantizeLinear (QDQ) that its kernels are fused with.

int8          weights are int8, one scale a channel; activations are uint8 with ranges from a calibration (the smallest
              and the largest value). Weights use 7 of their 8 bits: processors without VNNI add products of two in 16
              bits, which 8 bits overflow (onnxruntime.ai, "Quantize ONNX models")
int8-dynamic  products with weights alone (MatMul, Gemm); convolutions stay fp32, whose integer kernel is the slower one
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from latency_bench.harness.export.onnx_layers import WEIGHTED, Draft, rewritten, weighted_layers
from latency_bench.harness.export.quantiser import Quantiser, Sample

_DYNAMIC = ("Gemm", "MatMul")


class OnnxRuntimeQuantiser(Quantiser):
    name = "onnxruntime"
    precisions = ("int8", "int8-dynamic")
    modules = ("onnxruntime", "onnx")
    distributions = ("onnxruntime",)

    def quantise(self, path: Path, precision: str, calibration: Sequence[Sample]) -> dict[str, Any]:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        common: dict[str, Any] = {
            "per_channel": True,
            "reduce_range": True,
            "weight_type": QuantType.QInt8,
        }
        with rewritten(path) as draft:
            every = weighted_layers(draft.model)
            layers = weighted_layers(draft.model, _DYNAMIC) if precision == "int8-dynamic" else every
            if precision == "int8-dynamic":
                # It makes a MatMul of every Gemm first, and takes those with constant weights alone by itself.
                quantize_dynamic(str(draft.source), str(draft.target), op_types_to_quantize=["MatMul"], **common)
            else:
                insert_pairs(draft, layers, calibration, activation_type=QuantType.QUInt8, **common)
        return {"quantiser": self.name, "layers": len(layers), "of_layers": len(every)}


def insert_pairs(draft: Draft, layers: Sequence[str], calibration: Sequence[Sample], **how: Any) -> None:
    """Write the draft with pairs of QuantizeLinear and DequantizeLinear around the inputs of these nodes. `how` are
    further arguments of ONNX Runtime's quantize_static."""
    from onnxruntime.quantization import QuantFormat, quantize_static

    quantize_static(
        str(draft.source),
        str(draft.target),
        _reader(calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(WEIGHTED),
        nodes_to_quantize=list(layers),
        **how,
    )


def _reader(samples: Sequence[Sample]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Samples(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left: Iterator[Sample] = iter(samples)

        def get_next(self) -> dict[str, Any] | None:
            sample = next(self._left, None)
            return None if sample is None else dict(sample)

    return Samples()
