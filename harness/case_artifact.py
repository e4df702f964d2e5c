"""Which file a case needs, and where it comes from: exported now, from the cache, or brought by the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_worker.runtime.declaration import QUANTISED_FILE
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact, ExportOptions, export_artifact
from latency_bench.harness.export.formats import find_format

if TYPE_CHECKING:
    from latency_bench.devices.device_session import DeviceSession
    from latency_bench.harness.case import Case
    from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class Export:
    """What has to be exported for a case."""

    spec: ModelSpec
    format: str
    options: ExportOptions


def artifact_of(case: Case, session: DeviceSession, progress: Callable[[str], None]) -> Artifact:
    """Raises UsageError (UnknownFormatError) where the runtime cannot have such a file, ExportError where the export
    fails."""
    needed = export_of(case, session)
    if isinstance(needed, Artifact):
        return needed
    return export_artifact(needed.spec, needed.format, needed.options, progress=progress)


def export_of(case: Case, session: DeviceSession) -> Export | Artifact:
    """What a case needs: an export, or a file that was brought. Raises as `artifact_of`."""
    declared = case.declared
    if case.artifact is not None:
        if declared.PRECISIONS.get(case.precision) == QUANTISED_FILE:
            raise UsageError(f"a file is measured as it is: --precision {case.precision} is for --model")
        if case.artifact.format != declared.FORMAT:
            raise UsageError(f"runtime {case.runtime} loads {declared.FORMAT} files, not {case.artifact.path.name}")
        return case.artifact
    target = find_format(declared.FORMAT)
    precision = session.artifact_precision(case.runtime, case.precision)
    if precision not in target.precisions:
        raise UsageError(f"runtime {case.runtime} takes {precision} from the file: {target.not_carried(precision)}")
    return Export(case.spec, target.name, case.export_options(precision))
