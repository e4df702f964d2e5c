"""Which file a case needs, and where it comes from: exported now, from the cache, or brought by the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.errors import RequestError
from harness.export import FORMATS, Artifact, export_artifact

if TYPE_CHECKING:
    from devices.device import DeviceSession
    from harness.case import Case


def artifact_of(case: Case, session: DeviceSession, progress: Callable[[str], None]) -> Artifact:
    """Raises RequestError where the runtime cannot have such a file, ExportError where the export fails."""
    format_ = session.artifact_format(case.runtime)
    if case.artifact is not None:
        if case.artifact.format != format_:
            raise RequestError(f"runtime {case.runtime} loads {format_} files, not {case.artifact.path.name}")
        return case.artifact
    if format_ not in FORMATS:
        raise RequestError(
            f"runtime {case.runtime} loads {format_!r} files; models are exported to {', '.join(FORMATS)}"
        )
    precision = session.artifact_precision(case.runtime, case.precision)
    if precision != "fp32" and format_ == "tflite":
        raise RequestError(f"runtime {case.runtime} measures fp32, not {precision}; choose another --runtime")
    if precision == "bf16" and format_ == "onnx":
        raise RequestError(f"runtime {case.runtime} loads ONNX files, which are fp32 or fp16; bf16 is for torch-cuda")
    options = case.export_options(precision)  # type: ignore[arg-type]
    return export_artifact(case.spec, format_, options, progress=progress)
