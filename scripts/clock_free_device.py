"""A device that measures nothing: it answers at once, with numbers drawn from the case. For testing campaigns.

`register()` makes the runner `clock-free` known to this process; `planned_cases` are cases for it that need no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench_worker.runtime.declaration import Option, RuntimeDeclaration
from latency_bench.devices.device import Device
from latency_bench.devices.errors import UnreachableError, WorkerError
from latency_bench.devices.parts import register_part
from latency_bench.devices.runners.base import Columns, Deployment, ProgressHandler, RoundJob, RoundResult, Runner
from latency_bench.devices.transports.base import Transport
from latency_bench.harness.campaign.campaign_plan import Plan, PlannedCase
from latency_bench.harness.case import Case
from latency_bench.harness.export.artifact import Artifact, Tensor
from latency_bench.harness.identity.request_key import request_key
from latency_bench.harness.protocol import load_protocol
from latency_bench.model_specs.spec import InputSpec, ModelSpec, OutputSpec, Provenance

SAMPLES = 12
_WARMUP = 3


class ClockFreeRuntime(RuntimeDeclaration):
    """`fault` is what goes wrong, by word."""

    name = "clock-free"
    FORMAT = "onnx"
    OPTIONS: ClassVar[Mapping[str, Option]] = {"fault": Option("", "What goes wrong.")}


class ClockFreeRunner(Runner):
    """What it answers depends on the request alone. `faults` in its runtime options: what goes wrong, by word."""

    name = "clock-free"
    RUNTIMES = (ClockFreeRuntime,)

    def __init__(self, python: tuple[str, ...] | None = None) -> None:
        del python

    def available_cpus(self, transport: Transport) -> tuple[int, ...]:
        return (0,)

    def measure(
        self,
        transport: Transport,
        deployment: Deployment,
        request: RoundJob,
        outputs_to: Path,
        on_progress: ProgressHandler,
    ) -> RoundResult:
        fault = request.runtime_options.get("fault")
        if fault == "dies":
            raise WorkerError("worker-died", "the worker was killed (signal 9)", "this one always is")
        if fault == "unreachable":
            raise UnreachableError("the link was cut", "this one always is")
        return RoundResult(
            warmup=_columns(deployment.sha256, _WARMUP),
            samples=_columns(deployment.sha256, SAMPLES),
            hello={"pid": 1, "cpus": [0]},
            loaded={"runtime": {"name": "clock-free", "version": "1"}, "options": request.runtime_options},
            done={"steady": True, "stopped_by": "floors", "timer_resolution_ns": 1, "loop_overhead_ns": 0},
            outputs=None,
            log="",
            no_outputs_because="nothing was computed",
        )


def _columns(sha256: str, count: int) -> Columns:
    seed = int(sha256[:8], 16)
    latency_ns = np.random.RandomState(seed).randint(1_000_000, 1_010_000, count).astype(np.int64)
    return Columns(start_ns=np.concatenate([[0], np.cumsum(latency_ns)[:-1]]), latency_ns=latency_ns)


def register() -> None:
    """Make `runner: clock-free` known to this process."""
    register_part("runner", ClockFreeRunner)


def clock_free_plan(
    folder: Path, count: int, name: str = "kills", faults: dict[int, str] | None = None, **fields: Any
) -> Plan:
    """A plan of so many cases on a device `clock-free`; their files lie in `folder`. `faults` by case, from 0."""
    register()
    device = Device(name="clock-free", runner="clock-free", probes=(), runtime="clock-free")
    cases = []
    for index in range(count):
        path = folder / f"model-{index}.onnx"
        path.write_bytes(b"clock-free %d" % index)
        options = {"fault": faults[index]} if faults and index in faults else {}
        case = _case(device, path, index, options)
        cases.append(PlannedCase(request_key(case), case))
    return Plan(name, tuple(cases), **fields)


def _case(device: Device, path: Path, index: int, options: dict[str, Any]) -> Case:
    tensor = Tensor("x", (1, 4), "float32", "NCHW")
    content = path.read_bytes()
    artifact = Artifact(
        path=path,
        format="onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        inputs=(tensor,),
        outputs=(tensor,),
        reference=None,
        facts={},
    )
    spec = ModelSpec(
        id=f"case-{index:04d}",
        family="clock-free",
        title=f"case {index}",
        task="generic",
        builder="file",
        inputs=(InputSpec(name="x", shape=(4,)),),
        outputs=(OutputSpec(name="x"),),
        provenance=Provenance(paper="none", code="own", license="Apache-2.0"),
    )
    return Case(
        spec=spec,
        device=device,
        protocol=load_protocol("quick"),
        runtime="clock-free",
        rounds=2,
        threads=1,
        runtime_options=options,
        artifact=artifact,
    )
