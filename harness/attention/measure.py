"""Measure the groups of a plan, one after the other, leaving out what the store has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.attention.attention_options import has_kernels
from latency_bench.harness.attention.attention_plan import Group, Planned
from latency_bench.harness.attention.stored import runs_of
from latency_bench.harness.fit import TooLargeError
from latency_bench.harness.model_file.file_spec import FileSpec
from latency_bench.harness.store.outcome import DOES_NOT_FIT

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.case import Case
    from latency_bench.harness.rounds import Observer

_GB = 1e9


def measure_groups(
    groups: Sequence[Group],
    make_case: Callable[[Planned], Case],
    runs: pd.DataFrame,
    store: Path,
    command: Sequence[str],
    observer: Observer,
    order_seed: int,
    wait: bool,
) -> list[str]:
    """Every case that `runs` (the rows of the store) does not answer, stored group by group: an interrupted comparison
    goes on where it stopped. Returns a line for each that failed; that one does not fit into memory is a result and no
    failure. Raises what `run_benchmarks` raises for a wrong request or a
    device that another measurement has, unless `wait`."""
    from latency_bench.harness.benchmark import run_benchmarks

    failed = []
    for group in groups:
        for note in group.notes:
            observer.stage(note)
        started = []
        for case in (make_case(member) for member in group.members):
            if not runs_of(runs, case).empty:
                continue
            too_large = refusal(case)
            if too_large is None:
                started.append(case)
            else:
                observer.stage(f"{case.spec.id}: {too_large.message}")
                store_refusal(case, store, command, order_seed, too_large)
        if started:
            observer.stage(group.name)
            finished = run_benchmarks(started, store, command, observer, order_seed, wait)
            failures = [(record.model.id, record.failure) for record, _ in finished if record.failure is not None]
            failed += [
                f"{name}: failed in {failure.stage} ({failure.kind}): {failure.message}"
                for name, failure in failures
                if failure.kind not in DOES_NOT_FIT
            ]
    return failed


def refusal(case: Case) -> TooLargeError | None:
    """Why this computer cannot run the case, told before anything is exported. None for another device: what it has
    free is asked when the run is prepared."""
    if case.device.transport != "local" or isinstance(case.spec, FileSpec):
        return None
    from latency_bench.devices.host_memory import available_bytes
    from latency_bench.harness.export.memory_estimate import estimate_memory

    fused = has_kernels(case.declared) and case.all_runtime_options().get("sdpa") != "math"
    estimate = estimate_memory(case.spec, case.batch, fused_attention=fused)
    needed_bytes = estimate.weights_bytes + estimate.activations_bytes
    free_bytes = available_bytes()
    if needed_bytes <= free_bytes:
        return None
    return TooLargeError(
        f"not started: it needs about {needed_bytes / _GB:.1f} GB, this computer has {free_bytes / _GB:.1f} GB free",
        "choose fewer tokens, a smaller --resolution, or another device",
    )


def store_refusal(case: Case, store: Path, command: Sequence[str], order_seed: int, error: TooLargeError) -> None:
    """A failed run: where memory ends is a result."""
    from latency_bench.harness.rounds import ActiveRun

    with ActiveRun(case, store, command, order_seed) as run:
        run.refuse(error)
        run.store()
