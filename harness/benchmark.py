"""Benchmarks from start to end: the pipeline, readable on one screen.

spec -> module -> artifact -> deployed session -> samples -> verdict -> run record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from latency_bench.harness.case import Case
from latency_bench.harness.case_requirements import require_for_cases
from latency_bench.harness.conclusiveness import wants_repeat
from latency_bench.harness.device_locks import hold_devices
from latency_bench.harness.ordering import interleaved
from latency_bench.harness.rounds import ActiveRun, Observer
from latency_bench.harness.store.record import RunRecord


def run_benchmarks(
    cases: Sequence[Case],
    store: Path,
    command: Sequence[str],
    observer: Observer,
    order_seed: int = 0,
    wait: bool = False,
) -> list[tuple[RunRecord, Path]]:
    """Measure the cases, their rounds interleaved in seeded random order, and store a run of each, failed ones too.

    A case that is not shown steady is measured once more where its protocol says so; both runs are stored. Returns each
    case's last record and where it lies, in the order of `cases`. A case that fails does not stop the others.
    Raises UsageError (and its like) if a case cannot be measured at all and has to change: it and those that are not
    finished yet are not stored then. Raises DeviceBusyError where another measurement has a device; `wait`: waits.
    """
    require_for_cases(cases)
    finished = _measured_together([(case, None) for case in cases], store, command, observer, order_seed, wait)
    again = [index for index, (record, _) in enumerate(finished) if wants_repeat(cases[index].protocol, record)]
    if again:
        observer.stage(f"{len(again)} of {len(cases)} not shown steady: measured once more in fresh processes")
        repeats = [(cases[index], finished[index][0].run_id) for index in again]
        repeated = _measured_together(repeats, store, command, observer, order_seed, wait)
        for index, result in zip(again, repeated, strict=True):
            # A repeat that failed says nothing of the run before it.
            finished[index] = finished[index] if result[0].summary is None else result
    return finished


def _measured_together(
    cases: Sequence[tuple[Case, str | None]],
    store: Path,
    command: Sequence[str],
    observer: Observer,
    order_seed: int,
    wait: bool,
) -> list[tuple[RunRecord, Path]]:
    """Cases, each with the id of the run that it repeats."""
    with ExitStack() as stack:
        runs = [
            stack.enter_context(ActiveRun(case, store, command, order_seed, repeats=repeats)) for case, repeats in cases
        ]
        hold_devices(runs, command, wait, observer.stage)
        for run in runs:
            run.prepare(observer)
        measure_rounds(runs, order_seed, observer)
        return [run.stored() for run in runs]


def measure_rounds(
    runs: Sequence[ActiveRun],
    order_seed: int,
    observer: Observer,
    on_round: Callable[[ActiveRun], None] = lambda _: None,
) -> None:
    """All rounds of prepared runs, interleaved; each run is stored as soon as it is over, so that whatever happens to
    the others loses nothing that is finished. `on_round` is told of a run after each of its rounds, and once of one
    that had failed before. Raises UsageError, StoreError."""
    for run in runs:
        if run.is_over():
            run.store()
            on_round(run)
    position = 0
    # Twice: what the first rounds showed to be too few is known after them.
    for seed in (order_seed, order_seed + 1):
        left = [0 if run.is_over() else run.case.rounds - run.rounds_done for run in runs]
        for index, _ in interleaved(left, seed):
            run = runs[index]
            if not run.is_over():
                run.measure_round(run.rounds_done, position, observer)
                if run.is_over():
                    run.store()
                on_round(run)
            position += 1
