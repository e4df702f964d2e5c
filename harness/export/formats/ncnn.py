"""PyTorch -> ncnn with pnnx, through TorchScript: through ONNX, pnnx gives graphs that compute NaN or crash.

The file is a zip of the graph (`model.param`), the weights (`model.bin`) and `interface.json`: what inputs and outputs
are called here and in the graph, with their shapes and types. ncnn knows no batch, so that it is 1.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.format import Format
from latency_bench.harness.export.job import Conversion, ExportJob, channel_first

if TYPE_CHECKING:
    import torch

    from latency_bench.harness.export.options import ExportOptions
    from latency_bench.model_specs.spec import ModelSpec

_FOREIGN = re.compile(r"^(?:pnnx\.|aten::|prim::|torch\.|Tensor\.|F\.|nn\.)")
"""How the types of layers begin that pnnx could not write as one of ncnn's."""


class Ncnn(Format):
    """ncnn's graph and weights, in fp32."""

    name = "ncnn"
    title = "ncnn"
    suffix = ".ncnn"
    precisions = ("fp32",)
    modules = ("torch", "pnnx")
    distributions = ("torch", "pnnx")

    def check(self, spec: ModelSpec, options: ExportOptions) -> None:
        super().check(spec, options)
        if options.batch != 1:
            raise ExportError(f"ncnn takes one image in a request, so a batch of {options.batch} cannot be exported")

    def export(self, job: ExportJob) -> Conversion:
        return export(job)


def export(job: ExportJob) -> Conversion:
    """Write `job.path`. Raises ExportError where the graph needs an operator that ncnn has not."""
    import torch

    folder = job.path.with_name("pnnx")
    folder.mkdir()
    with torch.no_grad():
        traced: Any = torch.jit.trace(job.module, tuple(job.inputs.values()), check_trace=False)  # type: ignore[no-untyped-call]
    torch.jit.save(traced, str(folder / "model.pt"))
    convert(folder, "model.pt", list(job.inputs.values()))
    graph = (folder / "model.ncnn.param").read_text(encoding="utf-8")
    operators = layer_types(graph)
    foreign = sorted({name for name in operators if _FOREIGN.match(name)})
    if foreign:
        raise ExportError(f"ncnn cannot compute these operators of the network: {', '.join(foreign)}")
    pack(job, folder)
    shutil.rmtree(folder)
    facts: dict[str, Any] = {
        "exporter": "pnnx (TorchScript)",
        "nodes": len(operators),
        "operators": {name: operators.count(name) for name in sorted(set(operators))},
    }
    return Conversion(channel_first(job.inputs), channel_first(job.outputs), facts)


def convert(folder: Path, model: str, inputs: list[torch.Tensor]) -> None:
    """Run pnnx on the file `model` there, weights kept in fp32. Raises ExportError where it fails."""
    from pnnx import EXEC_PATH

    shapes = ",".join(f"[{','.join(map(str, one.shape))}]{_suffix(one)}" for one in inputs)
    words = [EXEC_PATH, model, f"inputshape={shapes}", "fp16=0"]
    done = subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True)
    sys.stderr.write(done.stdout + done.stderr)
    if done.returncode != 0 or not (folder / "model.ncnn.param").is_file():
        lines = (done.stdout + done.stderr).strip().splitlines() or ["it said nothing"]
        raise ExportError(f"pnnx ended with code {done.returncode}: {lines[-1]}")


def layer_types(graph: str) -> list[str]:
    """Of every layer, in order. The first line of a graph is a number, the second says how many layers follow."""
    return [words[0] for line in graph.splitlines()[2:] if (words := line.split())]


def pack(job: ExportJob, folder: Path) -> None:
    """Write the zip, uncompressed and without times, so that equal models are equal files."""
    interface = {
        kind: [
            {
                "name": name,
                "blob": f"{prefix}{number}",
                "shape": list(tensor.shape),
                "dtype": str(tensor.dtype).removeprefix("torch."),
            }
            for number, (name, tensor) in enumerate(tensors.items())
        ]
        for kind, prefix, tensors in (("inputs", "in", job.inputs), ("outputs", "out", job.outputs))
    }
    parts = {
        "model.param": (folder / "model.ncnn.param").read_bytes(),
        "model.bin": (folder / "model.ncnn.bin").read_bytes(),
        "interface.json": json.dumps(interface, indent=1).encode(),
    }
    with zipfile.ZipFile(job.path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def _suffix(tensor: torch.Tensor) -> str:
    """pnnx's word for a type; none for float32."""
    import torch

    return {torch.float32: "", torch.int64: "i64", torch.int32: "i32"}[tensor.dtype]
