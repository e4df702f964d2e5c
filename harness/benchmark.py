"""Benchmarks from start to end: the pipeline, readable on one screen.

spec -> module -> artifact -> deployed session -> samples -> verdict -> run record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from latency_bench.harness.case import Case
from latency_bench.harness.case_requirements import require_for_cases
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

    Returns each case's record and where it lies, in the order of `cases`. A case that fails does not stop the others.
    Raises UsageError (and its like) if a case cannot be measured at all and has to change: it and those that are not
    finished yet are not stored then. Raises DeviceBusyError where another measurement has a device; `wait`: waits.
    """
    require_for_cases(cases)
    with ExitStack() as stack:
        runs = [stack.enter_context(ActiveRun(case, store, command, order_seed)) for case in cases]
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
    for position, (index, round_index) in enumerate(interleaved([run.case.rounds for run in runs], order_seed)):
        run = runs[index]
        if not run.is_over():
            run.measure_round(round_index, position, observer)
            if run.is_over():
                run.store()
            on_round(run)
