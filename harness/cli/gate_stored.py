"""`bench gate BASELINE`: runs and accuracies that are stored already, judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latency_bench.harness.gating.budgets import Budgets
    from latency_bench.harness.gating.gate_result import GatedCase
    from latency_bench.harness.store.run_selection import RunSet


def judge_stored(
    baseline: str | None,
    candidate: str | None,
    limit: float,
    across: tuple[str, ...],
    budgets: Budgets,
    store: str | None,
) -> tuple[GatedCase, ...]:
    """Raises UsageError where there is nothing to judge, or nothing to hold it against."""
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.gating.budgets import gate_budgets
    from latency_bench.harness.gating.stored_gate import gate_stored
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.run_selection import RunSet, select

    if baseline is None and not budgets:
        raise UsageError("name a BASELINE, or a budget: --max-ms, --max-mb or --min-accuracy")
    place = store_location(store)
    old = RunSet("", ()) if baseline is None else select(place, baseline)
    everything = _all_runs(place)
    new = _without(everything, old) if candidate is None else select(place, candidate)
    if not new.runs:
        raise UsageError("the store has no runs besides the baseline's: measure some, or name others with --candidate")
    cases = () if baseline is None else gate_stored(old, new, limit, across, _without(everything, new).runs)
    return (*cases, *gate_budgets(new, budgets))


def judge_accuracies(
    baseline: str | None, min_accuracy: float | None, max_drop: float | None, store: str | None
) -> Iterator[GatedCase]:
    """Raises UsageError where there is nothing to judge, or nothing to hold it against."""
    if min_accuracy is None and max_drop is None:
        return
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.gating.accuracy_budgets import gate_drop, gate_least_accuracy, latest_accuracies
    from latency_bench.harness.store.location import store_location

    place = store_location(store)
    found = list(latest_accuracies(place).values())
    if not found:
        raise UsageError("the store has no accuracy: measure one with `bench accuracy`")
    if min_accuracy is not None:
        by_labels = [one for one in found if not one.record.data.against_module]
        if not by_labels:
            raise UsageError(
                "the store has no accuracy, but agreements with the fp32 module alone: give `bench accuracy` images "
                "with labels"
            )
        yield from gate_least_accuracy(by_labels, min_accuracy)
    if max_drop is not None:
        if baseline is None or not Path(baseline).is_dir():
            raise UsageError("--max-drop needs the folder of a store as the BASELINE")
        yield from gate_drop(Path(baseline), place, max_drop)


def has_runs(baseline: str | None) -> bool:
    """Whether there is something besides accuracies to hold a candidate against."""
    from latency_bench.harness.store.reader import run_names

    return baseline is not None and not (Path(baseline).is_dir() and not run_names(Path(baseline)))


def _all_runs(store: Path) -> RunSet:
    from latency_bench.harness.store.errors import UnknownRunError
    from latency_bench.harness.store.run_selection import RunSet, select

    try:
        return select(store, str(store))
    except UnknownRunError:
        return RunSet(str(store), ())


def _without(runs: RunSet, others: RunSet) -> RunSet:
    from latency_bench.harness.store.run_selection import RunSet

    left_out = {run.path.resolve() for run in others.runs}
    return RunSet(runs.label, tuple(run for run in runs.runs if run.path.resolve() not in left_out))
