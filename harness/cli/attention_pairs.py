"""What `bench attention` measures as pairs: what its tables compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from latency_bench.harness.attention.attention_pairs import Comparison
    from latency_bench.harness.attention.attention_plan import Group, Planned
    from latency_bench.harness.case import Case
    from latency_bench.harness.rounds import Observer


def measure_compared(
    groups: Sequence[Group],
    make_case: Callable[[Planned], Case],
    runs: pd.DataFrame,
    store: Path,
    command: Sequence[str],
    observer: Observer,
    again: bool,
    **how: Any,
) -> list[str]:
    """Pairs of what the tables made of `runs` set against each other; a line for each that failed. `again`: those that
    the store has too."""
    from latency_bench.harness.attention.attention_pairs import measure_pairs
    from latency_bench.harness.store.pair_listing import find_pairs

    known = [] if again else [pair.record for pair in find_pairs(store)]
    return measure_pairs(comparisons(groups, make_case, runs), known, store, command, observer, **how)


def comparisons(
    groups: Sequence[Group], make_case: Callable[[Planned], Case], runs: pd.DataFrame
) -> Iterator[Comparison]:
    """One for every linear attention with what is compared with it, in the order of the tables; where conditions keep
    the rounds of two apart, too: a pair measures both anew, side by side."""
    from latency_bench.harness.attention.attention_pairs import Comparison
    from latency_bench.harness.attention.stored import runs_of
    from latency_bench.reports.attention_models import whole_models
    from latency_bench.reports.attention_ratios import attention_ratios
    from latency_bench.reports.rows import rows_of

    case_of_run: dict[str, Case] = {}
    for case in (make_case(member) for group in groups for member in group.members):
        for run_id in runs_of(runs, case)["run_id"].head(1):
            case_of_run[str(run_id)] = case
    compared = ((attention_ratios(runs), "run_id"), (whole_models(runs), "softmax_run_id"))
    sides = [
        (row["linear_run_id"], row[form_run])
        for table, form_run in compared
        for row in rows_of(table)
        if row["ratio"] or row["obstacles"]
    ]
    forms_of: dict[str, dict[str, Case]] = {}
    for linear, form in sides:
        if linear in case_of_run and form in case_of_run:
            forms_of.setdefault(linear, {})[form] = case_of_run[form]
    for linear, forms in forms_of.items():
        yield Comparison(case_of_run[linear], tuple(forms.values()))
