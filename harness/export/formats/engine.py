"""A TensorRT engine that is there already: built elsewhere, for one GPU and one version of TensorRT."""

from __future__ import annotations

from pathlib import Path

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.file_precision import UNKNOWN
from latency_bench.harness.export.format import Format, Interface
from latency_bench.harness.export.job import Conversion, ExportJob


class Engine(Format):
    """Only brought, never exported; and only TensorRT on its own GPU can read one."""

    name = "engine"
    title = "TensorRT engine"
    suffix = ".engine"
    precisions = ()
    usual_runtime = "tensorrt"

    def not_carried(self, precision: str) -> str:
        return "an engine is built by TensorRT on the device that it runs on; export onnx"

    def export(self, job: ExportJob) -> Conversion:
        raise ExportError(self.not_carried(job.precision))

    def read(self, path: Path) -> Interface:
        from latency_bench.harness.export.foreign_file import refuse_foreign

        refuse_foreign(path)
        return Interface((), (), UNKNOWN, stated=False)
