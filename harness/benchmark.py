"""Benchmarks from start to end: the pipeline, readable on one screen.

spec -> module -> artifact -> deployed session -> samples -> verdict -> run record.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from harness.case import Case
from harness.ordering import interleaved
from harness.running import Observer, RunInProgress
from harness.store.record import RunRecord


def run_benchmarks(
    cases: Sequence[Case], store: Path, command: Sequence[str], observer: Observer, order_seed: int = 0
) -> list[tuple[RunRecord, Path]]:
    """Measure the cases, their rounds interleaved in seeded random order, and store a run of each, failed ones too.

    Returns each case's record and where it lies, in the order of `cases`. A case that fails does not stop the others.
    Raises RequestError (and its like) if a case cannot be measured at all and has to change: it and those that are not
    finished yet are not stored then.
    """
    with ExitStack() as stack:
        runs = [stack.enter_context(RunInProgress(case, store, command, order_seed)) for case in cases]
        for run in runs:
            run.prepare(observer)
        for position, (index, round_index) in enumerate(interleaved([case.rounds for case in cases], order_seed)):
            runs[index].measure_round(round_index, position, observer)
            # At once, so that whatever happens to the others loses nothing that is finished.
            if round_index == cases[index].rounds - 1:
                runs[index].store()
        return [run.stored() for run in runs]
