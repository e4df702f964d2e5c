"""PyTorch -> TFLite with litert-torch: channel-last, fp32 inputs and outputs, built-in operators only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.artifact import Tensor
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.format import Format, Interface
from latency_bench.harness.export.job import Conversion, ExportJob
from latency_bench.harness.export.tflite_quantize import WEIGHT_TYPES, quantize

if TYPE_CHECKING:
    import torch

    from latency_bench.harness.export.options import ExportOptions
    from latency_bench.model_specs.spec import ModelSpec

IMAGE_RANK = 4
"""(B, C, H, W): what becomes (B, H, W, C). Tensors of any other rank stay as the spec has them."""


class TfLite(Format):
    """TFLite computes in fp32; smaller weights are a quantisation of the file (tflite_quantize.py)."""

    name = "tflite"
    title = "TFLite"
    suffix = ".tflite"
    precisions = ("fp32", *WEIGHT_TYPES)
    modules = ("torch", "litert_torch", "ai_edge_litert", "ai_edge_quantizer")
    reading_modules = ("ai_edge_litert",)
    distributions = ("torch", "litert-torch", "litert-converter", "ai-edge-litert", "ai-edge-quantizer")
    usual_runtime = "litert"
    carried = ("uint8", "float16")
    channels_last = True

    def check(self, spec: ModelSpec, options: ExportOptions) -> None:
        if not spec.tflite:
            raise ExportError(f"{spec.id} cannot become a TFLite file: {spec.note or 'its family file says so'}")
        super().check(spec, options)

    def builder_overrides(self, arguments: Mapping[str, str]) -> dict[str, str]:
        """There is no bicubic resize, so `upsample` becomes bilinear, as in the authors' own TFLite exporter. Graphs
        are channel-last, where attention does best with rows of tokens (benchmarks/attention_formulations.py)."""
        overrides = {"upsample": "bilinear"} if arguments.get("upsample") == "bicubic" else {}
        return {**overrides, **({"tokens": "rows"} if "tokens" in arguments else {})}

    def export(self, job: ExportJob) -> Conversion:
        return export(job)

    def read(self, path: Path) -> Interface:
        from latency_bench.harness.export.tflite_reading import interface_of

        return interface_of(path)


def export(job: ExportJob) -> Conversion:
    """Write `job.path`. Raises ExportError where the graph needs a Flex or custom operator, or another interface."""
    import litert_torch

    from latency_bench.harness.export.tflite_delegation import xnnpack_delegation
    from latency_bench.harness.export.tflite_graph import read_graph, rename_tensors

    # litert-torch 0.10 can confuse constants that are not contiguous: it tells the copies it makes of them apart by
    # addresses that are free again by then, so that one gets the values of another of the same shape.
    for tensor in (*job.module.parameters(), *job.module.buffers()):
        tensor.data = tensor.data.contiguous()
    sample = {name: channel_last(tensor) for name, tensor in job.inputs.items()}
    edge_model = litert_torch.convert(channel_last_module(job), sample_kwargs=sample)
    edge_model.export(str(job.path))
    del edge_model

    quantization: dict[str, Any] = {}
    if job.precision in WEIGHT_TYPES:
        samples = [{name: channel_last(tensor) for name, tensor in one.items()} for one in job.calibration]
        quantization = {"quantization": quantize(job.path, job.precision, samples)}
    # The signature's names are the spec's, but its order is alphabetical; the tensors' order is the spec's.
    rename_tensors(job.path, list(job.inputs), list(job.outputs))
    graph = read_graph(job.path)
    if graph.custom_operators:
        raise ExportError(
            "the TFLite graph needs operators that are not built in (Flex or custom), which no plain runtime has: "
            + ", ".join(sorted(graph.custom_operators))
        )
    inputs, outputs = expected_tensors(job.inputs), expected_tensors(job.outputs)
    for kind, written, wanted in (("input", graph.inputs, inputs), ("output", graph.outputs, outputs)):
        found = [(tensor.name, tensor.shape, tensor.dtype) for tensor in written]
        if found != [(tensor.name, tensor.shape, tensor.dtype) for tensor in wanted]:
            raise ExportError(f"the TFLite graph's {kind}s are {found}, not {list(wanted)}")
    facts: dict[str, Any] = {
        "exporter": "litert_torch",
        "schema_version": graph.schema_version,
        "nodes": sum(graph.operators.values()),
        "operators": dict(sorted(graph.operators.items())),
        "xnnpack": xnnpack_delegation(job.path),
        **quantization,
    }
    return Conversion(inputs, outputs, facts)


def channel_last_module(job: ExportJob) -> torch.nn.Module:
    """The module with channel-last images and named inputs and outputs, as litert-torch takes it."""
    import litert_torch
    import torch

    images_in = [index for index, tensor in enumerate(job.inputs.values()) if tensor.ndim == IMAGE_RANK]
    images_out = [index for index, tensor in enumerate(job.outputs.values()) if tensor.ndim == IMAGE_RANK]
    inner = job.module
    if images_in or images_out:
        inner = litert_torch.to_channel_last_io(inner, args=images_in, outputs=images_out)
    input_names, output_names = list(job.inputs), list(job.outputs)

    class Named(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
            result = self.inner(*(inputs[name] for name in input_names))
            tensors = result if isinstance(result, tuple | list) else (result,)
            return dict(zip(output_names, tensors, strict=True))

    return Named().eval()


def channel_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.permute(0, 2, 3, 1).contiguous() if tensor.ndim == IMAGE_RANK else tensor


def expected_tensors(named: dict[str, torch.Tensor]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            name=name,
            shape=tuple(channel_last(tensor).shape),
            dtype=str(tensor.dtype).removeprefix("torch."),
            layout="NHWC" if tensor.ndim == IMAGE_RANK else "NCHW",
        )
        for name, tensor in named.items()
    )
