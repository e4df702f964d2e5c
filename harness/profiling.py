"""Where a model's time goes: one worker of its own, profiled. Not a measurement, and never stored as one: profiling
slows what it watches, and not every layer alike."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.opening import open_device, runner_class
from latency_bench.harness.case import Case, choose_cpus
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.case_requirements import require_for_cases
from latency_bench.harness.device_locks import hold_device
from latency_bench.harness.errors import UsageError
from latency_bench.harness.statistics.layer_shares import LayerShare, layer_shares

if TYPE_CHECKING:
    from latency_bench.harness.rounds import Observer


def profile_case(case: Case, requests: int, observer: Observer, wait: bool = False) -> list[LayerShare]:
    """Slowest first. `wait`: while others measure on the device.

    Raises UsageError where the runtime cannot tell, DeviceError and ExportError as a run does.
    """
    _check_profiles(case)
    require_for_cases([case])
    with open_device(case.device) as session:
        what = f"profiling {case.spec.id}"
        hold_device(lambda: session.lock(what), case.device.name, wait, observer.stage)
        cpus = choose_cpus(case, session)
        artifact = artifact_of(case, session, observer.stage)
        deployment = session.deploy(artifact.path, artifact.sha256, artifact.external_data)
        job = dataclasses.replace(case.round_request(artifact, cpus), throughput=None)
        observer.stage(f"profiling {case.spec.id}")
        try:
            profile = session.profile(deployment, job, requests)
        except WorkerError as error:
            if error.kind in ("bad-request", "runtime-missing"):
                raise UsageError(str(error)) from error
            raise
    return layer_shares([layer.to_json() for layer in profile.layers], profile.requests)


def _check_profiles(case: Case) -> None:
    """Raises UsageError before anything is exported."""
    if case.declared.PROFILES:
        return
    runner = runner_class(case.device.runner)
    others = [declared.name for declared in runner.known_runtimes() if declared.PROFILES]
    raise UsageError(
        f"the runtime {case.runtime} of runner {runner.name} does not report times of layers; "
        + (f"these do: {', '.join(others)}" if others else "use a device with another runner")
    )
