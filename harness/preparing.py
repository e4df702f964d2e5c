"""What comes before anything is measured, and before any number is shown, for a case on an open device.

`measured` is filled in stage by stage, so that a failure is stored with the stage that it happened in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.runners.base import Deployment, RoundJob, RoundResult
from latency_bench.harness.case import choose_cpus
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.fidelity.check import FidelityError, check_fidelity
from latency_bench.harness.fidelity.layer import name_the_layer
from latency_bench.harness.fidelity.precision import check_precision
from latency_bench.harness.file_flags import non_finite_outputs
from latency_bench.harness.fit import check_fits
from latency_bench.harness.run_data import Measured


@dataclass(frozen=True)
class Prepared:
    """An artifact on the device, and the cores that its processes are pinned to."""

    deployment: Deployment
    cpus: tuple[int, ...]


def prepare(measured: Measured, session: DeviceSession, on_stage: Callable[[str], None]) -> Prepared:
    """Look at the device, export, deploy: everything that must not run beside a measurement.

    Raises DeviceError, ExportError, UsageError.
    """
    measured.stage = "device"
    session.tune()
    cpus = choose_cpus(measured.case, session)
    measured.fingerprint = session.fingerprint()
    if measured.case.pipeline is not None:
        session.check_image_library(measured.case.pipeline)
    measured.stage = "export"
    artifact = measured.artifact = artifact_of(measured.case, session, on_stage)
    measured.stage = "deploy"
    check_fits(artifact, session.read())
    return Prepared(session.deploy(artifact.path, artifact.sha256, artifact.external_data), cpus)


def judge_outputs(
    measured: Measured,
    result: RoundResult,
    job: RoundJob,
    session: DeviceSession,
    deployment: Deployment,
    outputs: Path,
    on_stage: Callable[[str], None],
) -> None:
    """No number is ever shown of an artifact that does not compute the model. `outputs` is a folder for more of them.

    Raises FidelityError.
    """
    measured.stage = "fidelity"
    assert measured.artifact is not None
    case = measured.case
    measured.fidelity = check_fidelity(
        case.spec,
        measured.artifact,
        result.outputs,
        case.precision,
        no_outputs_because=result.no_outputs_because,
        check_outputs=result.check_outputs,
    )
    if case.file is not None and result.outputs is not None:
        measured.non_finite_outputs = non_finite_outputs(result.outputs)
    if measured.fidelity.passed is False:
        measured.fidelity = name_the_layer(measured.fidelity, session, deployment, job, outputs, on_stage)
    by_values = measured.fidelity.passed is False
    if case.file is None:
        # The precision of a file that was brought is a fact of it, and nothing that was asked for: it gets a flag.
        measured.fidelity = check_precision(measured.fidelity, case.precision, result.loaded)
    if measured.fidelity.passed is False:
        raise FidelityError(measured.fidelity, brought=case.file is not None, by_values=by_values)
