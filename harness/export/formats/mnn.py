"""PyTorch -> MNN, by way of ONNX and MNN's own converter."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.format import Format
from latency_bench.harness.export.formats.onnx import Onnx
from latency_bench.harness.export.job import Conversion, ExportJob

_CONVERT = "import sys, MNN, _tools; _tools.mnnconvert(sys.argv)"
"""What MNN.tools.mnnconvert does, without telling its makers over the network that it was used."""


class Mnn(Format):
    """MNN's own file, in fp32."""

    name = "mnn"
    title = "MNN"
    suffix = ".mnn"
    precisions = ("fp32",)
    modules = (*Onnx.modules, "MNN")
    distributions = (*Onnx.distributions, "MNN")
    has_opset = True

    def export(self, job: ExportJob) -> Conversion:
        through = Onnx().export(replace(job, path=job.path.with_name("through.onnx")))
        convert(job.path.with_name("through.onnx"), job.path)
        job.path.with_name("through.onnx").unlink()
        if through.external_data:
            raise ExportError("MNN's converter reads no ONNX file whose weights lie beside it")
        facts: dict[str, Any] = {**through.facts, "exporter": f"{through.facts['exporter']}, mnnconvert"}
        return Conversion(through.inputs, through.outputs, facts)


def convert(source: Path, target: Path) -> None:
    """Run the converter. Raises ExportError with its last words where it fails, which an operator may be that MNN has
    not."""
    words = ["-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(target), "--keepInputFormat=1"]
    done = subprocess.run([sys.executable, "-c", _CONVERT, *words], check=False, capture_output=True, text=True)
    sys.stderr.write(done.stdout + done.stderr)
    if done.returncode != 0 or not target.is_file() or target.stat().st_size == 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["it said nothing"]
        raise ExportError(f"MNN's converter failed: {lines[-1].strip()}")
