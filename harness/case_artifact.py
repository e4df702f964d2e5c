"""Which file a case needs, and where it comes from: exported now, from the cache, or brought by the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import FORMATS, Artifact, ExportOptions, export_artifact
from latency_bench.harness.export.options import QUANTIZED

if TYPE_CHECKING:
    from latency_bench.devices.device_session import DeviceSession
    from latency_bench.harness.case import Case
    from latency_bench.harness.export.options import Format
    from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class Export:
    """What has to be exported for a case."""

    spec: ModelSpec
    format: Format
    options: ExportOptions


def artifact_of(case: Case, session: DeviceSession, progress: Callable[[str], None]) -> Artifact:
    """Raises UsageError where the runtime cannot have such a file, ExportError where the export fails."""
    needed = export_of(case, session)
    if isinstance(needed, Artifact):
        return needed
    return export_artifact(needed.spec, needed.format, needed.options, progress=progress)


def export_of(case: Case, session: DeviceSession) -> Export | Artifact:
    """What a case needs: an export, or a file that was brought. Raises UsageError, as `artifact_of`."""
    format_ = session.artifact_format(case.runtime)
    if case.artifact is not None:
        if case.precision in QUANTIZED:
            raise UsageError(f"a file is measured as it is: --precision {case.precision} is for --model")
        if case.artifact.format != format_:
            raise UsageError(f"runtime {case.runtime} loads {format_} files, not {case.artifact.path.name}")
        return case.artifact
    if format_ not in FORMATS:
        raise UsageError(f"runtime {case.runtime} loads {format_!r} files; models are exported to {', '.join(FORMATS)}")
    if case.precision in QUANTIZED and format_ != "tflite":
        raise UsageError(
            f"--precision {case.precision} is for runtimes that load TFLite files; {case.runtime} does not"
        )
    precision = session.artifact_precision(case.runtime, case.precision)
    if precision in ("fp16", "bf16") and format_ == "tflite":
        raise UsageError(
            f"runtime {case.runtime} computes in fp32, not {precision}; choose another --runtime, or smaller weights "
            "with --precision fp16-weights or int8-weights"
        )
    if precision == "bf16" and format_ == "onnx":
        raise UsageError(f"runtime {case.runtime} loads ONNX files, which are fp32 or fp16; bf16 is for torch-cuda")
    options = case.export_options(precision)  # type: ignore[arg-type]
    return Export(case.spec, format_, options)
