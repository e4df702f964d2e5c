"""How many instructions a request takes, by what a process takes more when it serves more requests.

What comes before the first request (Python, the runtime, the model) is the same in a process of few requests and in one
of many, and is not in their difference. What the worker itself does around a request is in it: tens of thousands.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.opening import open_device, python_of, runner_class
from latency_bench.devices.runners.base import Deployment, RoundJob
from latency_bench.devices.runners.worker import WorkerRunner
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.case import Case, choose_cpus, shortest
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.case_requirements import require_for_cases
from latency_bench.harness.device_locks import hold_devices
from latency_bench.harness.errors import UsageError
from latency_bench.harness.instructions.counters import COUNTERS, InstructionCounter

ESTIMATES = 3
"""A case; each is of two processes."""
_TRIED_REQUESTS = 4
_MOST_REQUESTS = 100
_WORTH_COUNTING = 1_000_000_000
"""Instructions of the requests that are counted, so that what differs between two starts is little beside them."""
_LONGEST_S = 3600.0
"""A single request under valgrind."""


@dataclass(frozen=True)
class InstructionCounts:
    """Instructions of one request, one estimate a pair of processes, and the tool that counted."""

    counter: str
    per_request: tuple[float, ...]


def count_instructions(
    cases: Sequence[Case], command: Sequence[str], wait: bool, on_stage: Callable[[str], None]
) -> list[InstructionCounts]:
    """Of every case, all of them on one device and by the same tool.

    Raises UsageError where nothing can count there, DeviceError and ExportError as a run does.
    """
    refuse_uncountable(cases)
    require_for_cases(cases)
    with _Counting(cases[0]) as counting:
        hold_devices([counting], command, wait, on_stage)
        return counting.counts(cases, on_stage)


def refuse_uncountable(cases: Sequence[Case]) -> None:
    """Raises UsageError for a case whose instructions nothing here can count."""
    for case in cases:
        if not issubclass(runner_class(case.device.runner), WorkerRunner):
            raise UsageError(
                f"instructions are counted of our own worker alone, and {case.device.name} has the runner "
                f"{case.device.runner}"
            )
        if case.declared.ON_GPU:
            raise UsageError(f"{case.runtime} computes on a GPU, whose instructions nothing counts; use a CPU runtime")


class _Counting:
    """The device, opened as usual, and opened once more with a counter in front of its Python."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self._session = open_device(case.device)

    def __enter__(self) -> _Counting:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def lock_device(self, what: str) -> None:
        self._session.lock(what)

    def counts(self, cases: Sequence[Case], on_stage: Callable[[str], None]) -> list[InstructionCounts]:
        refused = []
        for counter in COUNTERS:
            python = python_of(self.case.device) or (sys.executable,)
            device = self.case.device.model_copy(update={"python": (*counter.command, *python)})
            with open_device(device) as counted, TemporaryFolder("counting") as folder:
                jobs = [self._deployed(case, counted, on_stage) for case in cases]
                on_stage(f"counting instructions with {counter.name}")
                try:
                    return _counts_by(counter, counted, jobs, folder, on_stage)
                except _NotCountedError as error:
                    refused.append(str(error))
        raise UsageError(
            f"instructions cannot be counted on {self.case.device.name} ({'; '.join(refused)}); install valgrind there"
        )

    def _deployed(
        self, case: Case, counted: DeviceSession, on_stage: Callable[[str], None]
    ) -> tuple[Deployment, RoundJob]:
        cpus = choose_cpus(case, self._session)
        artifact = artifact_of(case, self._session, on_stage)
        deployment = counted.deploy(artifact.path, artifact.sha256, artifact.external_data)
        job = shortest(case.round_request(artifact, cpus))
        return deployment, replace(job, idle_timeout_s=max(job.idle_timeout_s, _LONGEST_S))


class _NotCountedError(Exception):
    """A counter that is not there, or counts nothing."""


def _counts_by(
    counter: InstructionCounter,
    counted: DeviceSession,
    jobs: Sequence[tuple[Deployment, RoundJob]],
    folder: Path,
    on_stage: Callable[[str], None],
) -> list[InstructionCounts]:
    requests, estimates = [], []
    for job in jobs:
        tried = _per_request(counted, job, _TRIED_REQUESTS, folder, counter)
        requests.append(_worth_counting(tried))
        estimates.append([tried] if requests[-1] == _TRIED_REQUESTS else [])
    for number in range(ESTIMATES):
        on_stage(f"counting instructions with {counter.name}: {number + 1} of {ESTIMATES}")
        for own, job, count in zip(estimates, jobs, requests, strict=True):
            if len(own) <= number:
                own.append(_per_request(counted, job, count, folder, counter))
    return [InstructionCounts(counter.name, tuple(own)) for own in estimates]


def _worth_counting(per_request: float) -> int:
    """How many requests make what is counted large beside what differs between two starts."""
    return min(max(math.ceil(_WORTH_COUNTING / per_request), _TRIED_REQUESTS), _MOST_REQUESTS)


def _per_request(
    counted: DeviceSession, job: tuple[Deployment, RoundJob], requests: int, folder: Path, counter: InstructionCounter
) -> float:
    few, many = (_total(counted, job, count, folder, counter) for count in (1, 1 + requests))
    if many <= few:
        raise _NotCountedError(f"{counter.name}: {requests} requests more are lost in what differs between two starts")
    return (many - few) / requests


def _total(
    counted: DeviceSession, job: tuple[Deployment, RoundJob], requests: int, folder: Path, counter: InstructionCounter
) -> int:
    """Of a process that serves so many requests after its first. Raises WorkerError, _NotCountedError."""
    deployment, round_job = job
    exactly = {"min_count": requests, "max_count": requests, "max_ns": int(requests * _LONGEST_S * 1e9)}
    asked = replace(round_job, sampling={**round_job.sampling, **exactly})
    try:
        result = counted.measure(deployment, asked, folder / "outputs.npz", lambda _: None)
    except WorkerError as error:
        # A tool that is not there, or may not count, ends with a code of its own.
        if error.kind == "crashed":
            raise _NotCountedError(f"{counter.name}: {error.message}") from None
        raise
    total = counter.total_in(result.log)
    if total is None:
        raise _NotCountedError(f"{counter.name}: this machine does not let it count anything")
    if len(result.samples.latency_ns) != requests:
        raise WorkerError(
            "protocol", f"{len(result.samples.latency_ns)} requests were served, and {requests} asked for"
        )
    return total
