"""Which file a case needs, and where it comes from: exported now, from the cache, or brought by the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact, ExportOptions, export_artifact
from latency_bench.harness.export.file_precision import UNKNOWN
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.original_reference import with_reference_of

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
        if case.original is None or case.file is None:
            return needed
        return with_reference_of(case.original, case.file, needed, progress)
    return export_artifact(needed.spec, needed.format, needed.options, progress=progress)


def export_of(case: Case, session: DeviceSession) -> Export | Artifact:
    """What a case needs: an export, or a file that was brought. Raises as `artifact_of`."""
    declared = case.declared
    if case.artifact is not None:
        if not declared.loads(case.artifact.format):
            formats = " and ".join((declared.FORMAT, *declared.ALSO_LOADS))
            raise UsageError(f"runtime {case.runtime} loads {formats} files, not {case.artifact.path.name}")
        if isinstance(case.spec, FileSpec):
            _check_carried(case, case.spec, session)
        return case.artifact
    assert not isinstance(case.spec, FileSpec)
    target = find_format(declared.FORMAT)
    precision = session.artifact_precision(case.runtime, case.precision)
    if precision not in target.precisions:
        raise UsageError(f"runtime {case.runtime} takes {precision} from the file: {target.not_carried(precision)}")
    if unfit := target.unfit_images(case.spec, precision):
        raise UsageError(f"--input-type {case.spec.carried_as}: {unfit}")
    return Export(case.spec, target.name, case.export_options(precision))


def _check_carried(case: Case, spec: FileSpec, session: DeviceSession) -> None:
    """Raises UsageError where the device's version of the runtime takes the precision from the file's types after all,
    which only the device could tell."""
    if spec.precision in (case.precision, UNKNOWN):
        return
    carried = session.artifact_precision(case.runtime, case.precision)
    if carried not in ("fp32", spec.precision):
        raise UsageError(
            f"--precision {case.precision}: {case.runtime} on {case.device.name} takes it from the file, and "
            f"{spec.title} is {spec.precision}; export the file in {case.precision}"
        )
