"""Where a model's time goes: one worker of its own, profiled. Not a measurement, and never stored as one: profiling
slows what it watches, and not every layer alike."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.opening import open_device
from latency_bench.harness.case import Case, choose_cpus
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.statistics.layer_shares import LayerShare, layer_shares

if TYPE_CHECKING:
    from latency_bench.harness.rounds import Observer


def profile_case(case: Case, requests: int, observer: Observer) -> list[LayerShare]:
    """Slowest first. Raises UsageError where the runtime cannot tell, DeviceError and ExportError as a run does."""
    with open_device(case.device) as session, tempfile.TemporaryDirectory(prefix="bench-profile-") as folder:
        session.lock(f"profiling {case.spec.id}")
        cpus = choose_cpus(case, session)
        artifact = artifact_of(case, session, observer.stage)
        deployment = session.deploy(artifact.path, artifact.sha256, artifact.external_data)
        request = dataclasses.replace(case.round_request(artifact, cpus), throughput=None, profile=requests)
        observer.stage(f"profiling {case.spec.id}")
        try:
            result = session.measure(deployment, request, Path(folder) / "outputs.npz", lambda _: None)
        except WorkerError as error:
            if error.kind in ("bad-request", "runtime-missing"):
                raise UsageError(str(error)) from error
            raise
    found = result.done.get("profile")
    if not found:
        raise UsageError(f"runner {case.device.runner} does not profile; use a device with the runner `worker`")
    return layer_shares(found["layers"], int(found["requests"]))
