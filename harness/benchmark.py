"""One run from start to end: the pipeline, readable on one screen.

spec -> module -> artifact -> deployed session -> samples -> verdict -> run record.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from devices.device import DeviceSession
from devices.errors import DeviceError, InventoryError, WorkerError
from devices.opening import open_device
from devices.runners.base import Deployment, Progress
from harness.case import Case, choose_cpus
from harness.errors import RequestError
from harness.export import FORMATS, Artifact, export_artifact
from harness.export.errors import ExportError
from harness.gate import FidelityError, check_fidelity
from harness.recording import Measured, Round, failed_record, finished_record
from harness.store.layout import new_run_id
from harness.store.record import RunRecord
from harness.store.writer import RunWriter
from harness.telemetry import TelemetrySampler


class Observer(Protocol):
    """Who wants to see a benchmark go on: a progress bar, a log, nobody."""

    def stage(self, text: str) -> None: ...

    def progress(self, round_index: int, progress: Progress) -> None: ...


def run_benchmark(case: Case, store: Path, command: Sequence[str], observer: Observer) -> tuple[RunRecord, Path]:
    """Measure `case` and store the run, failed ones too; returns its record and where it lies.

    Raises RequestError (and its like) if the case cannot be measured at all and has to change: nothing is stored then.
    """
    measured = Measured(case=case, run_id=new_run_id(), command=tuple(command), started_at=datetime.now(timezone.utc))
    with (
        open_device(case.device) as session,
        RunWriter(store, case.device.name, case.spec.id, measured.run_id) as writer,
        tempfile.TemporaryDirectory(prefix="bench-outputs-") as outputs,
    ):
        try:
            _measure(measured, session, Path(outputs), observer)
        except (DeviceError, ExportError) as error:
            _refuse_what_is_a_request(error)
            record = failed_record(measured, error)
        else:
            record = finished_record(measured)
        for name, text in measured.evidence().items():
            writer.add_evidence(name, text)
        writer.write_samples(measured.sample_blocks())
        writer.write_telemetry(measured.telemetry())
        return record, writer.commit(record)


def _measure(measured: Measured, session: DeviceSession, outputs: Path, observer: Observer) -> None:
    """Fill `measured` in, stage by stage, so that what a failed run did get to know is kept."""
    case = measured.case
    measured.stage = "device"
    cpus = choose_cpus(case, session)
    measured.fingerprint = session.fingerprint()
    measured.stage = "export"
    artifact = _export(case, session, observer)
    measured.artifact = artifact
    measured.stage = "deploy"
    deployment = session.deploy(artifact.path, artifact.sha256)
    for index in range(case.rounds):
        measured.stage = "measure"
        observer.stage(f"round {index + 1} of {case.rounds}")
        _measure_round(measured, session, deployment, cpus, index, outputs, observer)
        if index == 0:
            # No number is ever shown of an artifact that does not compute the model: the gate comes before the rest.
            measured.stage = "fidelity"
            measured.fidelity = check_fidelity(case.spec, artifact, measured.rounds[0].result.outputs)
            if not measured.fidelity.passed:
                raise FidelityError(measured.fidelity)
    measured.stage = "done"


def _export(case: Case, session: DeviceSession, observer: Observer) -> Artifact:
    format_ = session.artifact_format(case.runtime)
    if format_ not in FORMATS:
        raise RequestError(f"runtime {case.runtime} loads {format_!r} files; models are exported to {', '.join(FORMATS)}")
    return export_artifact(case.spec, format_, case.export_options(), progress=observer.stage)


def _measure_round(
    measured: Measured,
    session: DeviceSession,
    deployment: Deployment,
    cpus: tuple[int, ...],
    index: int,
    outputs: Path,
    observer: Observer,
) -> None:
    assert measured.artifact is not None
    request = measured.case.round_request(measured.artifact, cpus)
    started_at = datetime.now(timezone.utc)
    with TelemetrySampler(session) as telemetry:
        try:
            result = session.measure(
                deployment, request, outputs / f"round{index}.npz", lambda progress: observer.progress(index, progress)
            )
        finally:
            measured.readings.extend(telemetry.readings)
    measured.rounds.append(Round(index, started_at, result))


def _refuse_what_is_a_request(error: Exception) -> None:
    """A runtime that is unknown or not installed is no failed measurement: nothing was tried, the request has to change."""
    if isinstance(error, InventoryError):
        raise error
    if isinstance(error, WorkerError) and error.kind in ("runtime-missing", "bad-request"):
        raise RequestError(str(error)) from error
