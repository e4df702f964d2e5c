"""Where a model's time goes: one worker of its own, profiled. Not a measurement, and never stored as one: profiling
slows what it watches, and not every layer alike."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.opening import open_device
from latency_bench.harness.case import Case, choose_cpus
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    from latency_bench.harness.rounds import Observer


@dataclass(frozen=True)
class LayerShare:
    """One layer or operator, per request."""

    name: str
    operator: str
    """What the layer does, in the runtime's own word."""
    calls: float
    time_ms: float
    share: float
    """Of all layers together, from 0 to 1."""


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
    return shares(found["layers"], int(found["requests"]))


def shares(layers: list[dict[str, object]], requests: int) -> list[LayerShare]:
    """From the worker's totals to times a request."""
    rows = [
        (str(one["name"]), str(one["operator"]), int(str(one["calls"])), int(str(one["total_ns"]))) for one in layers
    ]
    total_ns = sum(row[-1] for row in rows) or 1
    return [
        LayerShare(name, operator, calls / requests, ns / requests / 1e6, ns / total_ns)
        for name, operator, calls, ns in rows
    ]


def by_operator(layers: Iterable[LayerShare]) -> list[LayerShare]:
    """Layers that do the same together, under the operator's name, slowest first."""
    sums: dict[str, LayerShare] = {}
    for one in layers:
        before = sums.get(one.operator, LayerShare(one.operator, one.operator, 0.0, 0.0, 0.0))
        sums[one.operator] = dataclasses.replace(
            before,
            calls=before.calls + one.calls,
            time_ms=before.time_ms + one.time_ms,
            share=before.share + one.share,
        )
    return sorted(sums.values(), key=lambda one: -one.time_ms)
