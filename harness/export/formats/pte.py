"""PyTorch -> a program of ExecuTorch, in which XNNPACK computes what its partitioner takes of the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_worker.libraries.executorch_program import Program, read_program
from bench_worker.libraries.torch_program import program_module
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.format import Format, Interface
from latency_bench.harness.export.job import Conversion, ExportJob, channel_first

if TYPE_CHECKING:
    import torch


QUANTISED = {"int8-dynamic": ("linear",), "int8": ("linear", "convolution")}
"""Precisions, with the layers that become int8. XNNPACK finds no ranges for convolutions while it runs."""


class Pte(Format):
    """ExecuTorch's own file. Layers become int8 by the quantisation of an exported graph (PT2E) that torchao has."""

    name = "pte"
    title = "ExecuTorch"
    suffix = ".pte"
    precisions = ("fp32", *QUANTISED)
    modules = ("torch", "executorch", "torchao")
    distributions = ("torch", "executorch", "torchao")
    usual_runtime = "executorch"

    def export(self, job: ExportJob) -> Conversion:
        return export(job)

    def read(self, path: Path) -> Interface:
        from latency_bench.harness.export.pte_reading import interface_of

        return interface_of(path)


def export(job: ExportJob) -> Conversion:
    """Write `job.path`. Raises ExportError where the graph needs an operator that ExecuTorch has no kernel for."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower

    module = quantised(job) if job.precision in QUANTISED else job.module
    with torch.no_grad():
        exported = torch.export.export(module, tuple(job.inputs.values()), strict=False)
        lowered = to_edge_transform_and_lower(
            exported,
            partitioner=[XnnpackPartitioner()],
            # What counts is whether there is a kernel (check_kernels), and not whether an operator is a core one.
            compile_config=EdgeCompileConfig(_check_ir_validity=False),
        )
        program = lowered.to_executorch()
    with job.path.open("wb") as file:
        program.write_to_file(file)
    written = read_program(str(job.path))
    check_kernels(written)
    delegation = written.delegation()
    facts: dict[str, Any] = {
        "exporter": "torch.export, executorch.exir, XnnpackPartitioner",
        "nodes": delegation["nodes"],
        "xnnpack": {name: delegation[name] for name in ("delegated", "partitions", "outside")},
    }
    if job.precision in QUANTISED:
        facts["quantization"] = quantisation_facts(job, written)
    return Conversion(channel_first(job.inputs), channel_first(job.outputs), facts)


def quantised(job: ExportJob) -> torch.nn.Module:
    """The module with int8 weights, one scale a channel, and int8 activations in these layers. What lies between them
    stays fp32: in int8 the division of a linear attention fails outright."""
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    aten = torch.ops.aten
    operators = {"linear": (aten.linear.default,), "convolution": (aten.conv2d.default, aten.conv_transpose2d.input)}
    config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=job.precision == "int8-dynamic")
    quantizer = XNNPACKQuantizer()
    for layer in QUANTISED[job.precision]:
        for operator in operators[layer]:
            quantizer.set_operator_type(operator, config)
    with torch.no_grad():
        graph = program_module(torch.export.export(job.module, tuple(job.inputs.values()), strict=False))
        observed = prepare_pt2e(graph, quantizer)
        # Without a calibration one request is enough: the ranges of weights do not depend on it.
        for sample in job.calibration or (job.inputs,):
            observed(*sample.values())
        module: torch.nn.Module = convert_pt2e(observed)
    return module


def check_kernels(program: Program) -> None:
    from executorch.runtime import Runtime

    missing = program.missing_kernels(Runtime.get().operator_registry.operator_names)
    if missing:
        raise ExportError(f"ExecuTorch has no kernel for these operators of the network: {', '.join(missing)}")


def quantisation_facts(job: ExportJob, program: Program) -> dict[str, Any]:
    """Raises ExportError where no layer became int8."""
    layers = QUANTISED[job.precision]
    if not program.weighted_layers().precisions.get("int8"):
        raise ExportError(
            f"the model has no layer ({', '.join(layers)}) that XNNPACK computes in int8, so it cannot become "
            f"{job.precision}"
        )
    calibrated = {"calibration_inputs": len(job.calibration)} if job.precision == "int8" else {}
    return {"layers": list(layers), **calibrated}
