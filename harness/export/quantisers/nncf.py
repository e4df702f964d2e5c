"""NNCF, OpenVINO's quantiser, on ONNX files: int8 weights with one scale a channel, activations with ranges from a
calibration, and biases corrected for what rounding shifts. Weights use 7 of their 8 bits, as processors without VNNI
need it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_worker.quiet_libraries import without_openvino_telemetry
from latency_bench.harness.export.onnx_layers import name_nodes, weighted_layers
from latency_bench.harness.export.quantiser import Quantiser, Sample


class NncfQuantiser(Quantiser):
    name = "nncf"
    precisions = ("int8",)
    modules = ("nncf", "onnx", "onnxruntime")
    distributions = ("nncf", "onnxruntime")

    def quantise(self, path: Path, precision: str, calibration: Sequence[Sample]) -> dict[str, Any]:
        without_openvino_telemetry()
        import nncf
        import onnx

        model = onnx.load(str(path))
        name_nodes(model)
        layers = set(weighted_layers(model))
        others = [node.name for node in model.graph.node if node.name not in layers]
        parameters = nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE)
        quantised = nncf.quantize(
            model,
            nncf.Dataset([dict(sample) for sample in calibration]),
            subset_size=len(calibration),
            ignored_scope=nncf.IgnoredScope(names=others, validate=False),
            advanced_parameters=parameters,
        )
        onnx.save(quantised, str(path))
        return {"quantiser": self.name, "layers": len(layers), "of_layers": len(layers)}
