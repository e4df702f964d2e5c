"""PyTorch -> a torch.export program, for the torch runtime (and its compilers)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.format import Format, Interface
from latency_bench.harness.export.job import Conversion, ExportJob, channel_first

if TYPE_CHECKING:
    import torch


class Pt2(Format):
    """What torch.export saves."""

    name = "pt2"
    title = "PyTorch (torch.export)"
    suffix = ".pt2"
    precisions = ("fp32", "fp16", "bf16")
    modules = ("torch",)
    reading_modules = ("torch",)
    distributions = ("torch",)
    usual_runtime = "torch"
    carried = ("uint8", "float16")
    keeps_fused_attention = True

    def export(self, job: ExportJob) -> Conversion:
        return export(job)

    def read(self, path: Path) -> Interface:
        from latency_bench.harness.export.pt2_reading import interface_of

        return interface_of(path)


def export(job: ExportJob) -> Conversion:
    """Write `job.path` with torch.export; inputs and outputs stay fp32, the spec's names and channel-first.

    With precision fp16 or bf16 weights and activations are of that type behind a cast of the inputs; arithmetic that
    the module itself casts to fp32 stays fp32. Raises ExportError where the written file does not read back.
    """
    import torch

    types = {"fp16": torch.float16, "bf16": torch.bfloat16}
    module = half_inside(job.module, types[job.precision]) if job.precision in types else job.module
    with torch.no_grad():
        program = torch.export.export(module, tuple(job.inputs.values()), strict=False)
    program.example_inputs = None  # they would be saved too: 25 MB at 1024x2048
    torch.export.save(program, job.path)
    check_archive(job.path)
    facts = {
        "exporter": "torch.export",
        "nodes": sum(node.op == "call_function" for node in program.graph.nodes),
    }
    return Conversion(channel_first(job.inputs), channel_first(job.outputs), facts)


def half_inside(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """The module with parameters of `dtype`, that still takes and returns float32, and integers as they are."""
    import torch

    def single(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.float() if tensor.is_floating_point() else tensor

    class HalfInside(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module.to(dtype)

        def forward(self, *inputs: torch.Tensor) -> Any:
            result = self.module(*(tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in inputs))
            if isinstance(result, tuple | list):
                return tuple(single(tensor) for tensor in result)
            return single(result)

    return HalfInside().eval()


def check_archive(path: Path) -> None:
    """The archive is complete: its writer does not report a full disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            # In a truncated archive an archive stored inside it may pass for the whole.
            if not any(name.endswith("/models/model.json") for name in archive.namelist()):
                raise zipfile.BadZipFile("it does not hold a model")
    except (OSError, zipfile.BadZipFile) as error:
        raise ExportError(f"torch.export wrote an archive that cannot be read: {error}") from error
    if damaged:
        raise ExportError(f"torch.export wrote a damaged archive ({damaged})")
