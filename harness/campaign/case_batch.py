"""A batch of cases of one device: prepared together, their rounds interleaved, each stored as soon as it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from latency_bench.devices.errors import DeviceError
from latency_bench.harness.benchmark import measure_rounds
from latency_bench.harness.campaign.ahead import ExportAhead
from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import PlannedCase
from latency_bench.harness.campaign.watcher import Watcher
from latency_bench.harness.device_locks import hold_devices
from latency_bench.harness.rounds import ActiveRun
from latency_bench.harness.store.subject import CampaignRecord, ProjectRecord


@dataclass(frozen=True)
class CampaignSettings:
    """What all batches of cases of a campaign have in common."""

    campaign: str
    store: Path
    command: tuple[str, ...]
    order_seed: int
    wait: bool
    """Whether to wait for a device that somebody else measures."""
    project: ProjectRecord | None = None
    """The checkout that the campaign was started in."""
    check: Callable[[], None] = lambda: None
    """Asked before each batch; raises StoreError where the campaign is not ours any more."""


def measure_case_batch(
    case_batch: Sequence[PlannedCase], upcoming: Sequence[PlannedCase], settings: CampaignSettings, watcher: Watcher
) -> list[Attempt]:
    """Try every case of a batch once. `upcoming` are those that this device measures next: what they need is exported
    meanwhile where that disturbs nobody.

    A case that fails is stored as failed and stops no other; where the device cannot be had there is no run of it.
    Raises StoreError and CacheError where nothing can be kept: then nothing else could be.
    """
    with ExitStack() as stack:
        planned_of: dict[int, PlannedCase] = {}
        runs: list[ActiveRun] = []
        attempts: list[Attempt] = []
        for planned in case_batch:
            watcher.started(planned)
            try:
                run = stack.enter_context(_run_of(planned, settings))
            except DeviceError as error:
                attempts.append(_not_begun(planned, error, watcher))
                continue
            runs.append(run)
            planned_of[id(run)] = planned
        try:
            hold_devices(runs, settings.command, settings.wait, watcher.stage)
        except DeviceError as error:
            return attempts + [_not_begun(planned_of[id(run)], error, watcher) for run in runs]
        for number, run in enumerate(runs, 1):
            watcher.stage(f"preparing {number} of {len(runs)}: {planned_of[id(run)].label}")
            run.prepare(watcher)
        for run in runs:
            run.build_engines(watcher)

        def on_round(run: ActiveRun) -> None:
            planned = planned_of[id(run)]
            if not run.is_over():
                watcher.round_done(planned, run.rounds_done, run.case.rounds)
                return
            attempts.append(Attempt.stored(planned, *run.stored()))
            watcher.attempted(attempts[-1])

        with _exporting(runs, upcoming):
            measure_rounds(runs, settings.order_seed, watcher, on_round)
        return attempts


def _run_of(planned: PlannedCase, settings: CampaignSettings) -> ActiveRun:
    member = CampaignRecord(name=settings.campaign, case=planned.key)
    return ActiveRun(
        planned.case, settings.store, settings.command, settings.order_seed, member, settings.project, planned.repeats
    )


def _not_begun(planned: PlannedCase, error: DeviceError, watcher: Watcher) -> Attempt:
    attempt = Attempt(planned.key, None, "failed", error.kind, str(error))
    watcher.attempted(attempt)
    return attempt


@contextmanager
def _exporting(runs: Sequence[ActiveRun], upcoming: Sequence[PlannedCase]) -> Iterator[None]:
    """Export for the next batch of cases while this one is measured: only if the device is not this host."""
    ready = [run for run in runs if not run.is_over() and run.case.device.transport != "local"]
    if not ready or not upcoming:
        yield
        return
    # Asked before anything is measured: the question may start a process on the device.
    with ExportAhead.of(ready[0], upcoming):
        yield
