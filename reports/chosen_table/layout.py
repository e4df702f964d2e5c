"""Which run stands where: rows by some names, blocks of columns by others, the latest run of each case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latency_bench.harness.identity.case_key import CASE_COLUMNS, CaseKey
from latency_bench.reports.chosen_table.case_names import (
    CaseName,
    Names,
    differing,
    names_of,
    natural,
    usual_case_names,
)
from latency_bench.reports.errors import TableError
from latency_bench.reports.evidence import Found, Run
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 4
"""Values that an error names."""


@dataclass(frozen=True)
class Layout:
    """Rows and blocks of a table, and what was measured in each place."""

    rows_by: tuple[CaseName, ...]
    blocks_by: tuple[CaseName, ...]
    found: dict[tuple[Names, Names], Found]
    """By the names of the row and of the block; a place without an entry was never measured."""

    @property
    def rows(self) -> list[Names]:
        return list(dict.fromkeys(row for row, _ in self.found))

    @property
    def blocks(self) -> list[Names]:
        blocks = dict.fromkeys(block for _, block in self.found)
        return sorted(blocks, key=lambda block: [natural(name) for name in block])

    def at(self, row: Names, block: Names) -> Found:
        return self.found.get((row, block), Found())

    @property
    def runs(self) -> list[Run]:
        """Every run with a number that the table shows."""
        return [one.run for one in self.found.values() if one.run is not None]


def lay_out(runs: pd.DataFrame, rows_by: Sequence[CaseName] | None, blocks_by: Sequence[CaseName]) -> Layout:
    """Every case of rows of the run table (latest first) in its place. Without `rows_by` rows are named by the model,
    and by as much else as it takes to tell all cases apart.

    Raises TableError where two cases would share a place.
    """
    cases = _latest([*(rows_by or ()), *blocks_by], runs)
    chosen = list(rows_by) if rows_by is not None else _enough_names(cases, blocks_by)
    places: dict[tuple[Names, Names], list[Found]] = {}
    for case in cases:
        run = _any_run(case)
        places.setdefault((names_of(run, chosen), names_of(run, blocks_by)), []).append(case)
    for (row, block), several in places.items():
        _check_one(row + block, several)
    return Layout(tuple(chosen), tuple(blocks_by), {place: several[0] for place, several in places.items()})


def _latest(by: Sequence[CaseName], runs: pd.DataFrame) -> list[Found]:
    """Of every case, told apart by what rows and blocks are named by too (a commit, for example), the latest run with
    a number; where it has none, its latest failure."""
    told_by = list(dict.fromkeys((*CASE_COLUMNS, *(name for one in by for name in one.reads))))
    measured = rows_of(runs[runs["median_ms"].notna()].drop_duplicates(told_by))
    failed = rows_of(runs[runs["median_ms"].isna()].drop_duplicates(told_by))
    keys = [CaseKey.of_row(run) for run in measured]
    # A run that failed early may not know its runtime or options: it belongs to the case that explains it.
    alone = [run for run in failed if not any(key.explains(CaseKey.of_row(run)) for key in keys)]
    return [*(Found(run=run) for run in measured), *(Found(failure=run) for run in alone)]


def _any_run(found: Found) -> Run:
    run = found.run or found.failure
    assert run is not None
    return run


def _enough_names(cases: Sequence[Found], blocks_by: Sequence[CaseName]) -> list[CaseName]:
    """The model, then, as long as two cases share a place, whatever else they differ in."""
    usual = usual_case_names()
    chosen = [] if any(one.name == "model" for one in blocks_by) else [usual["model"]]
    while True:
        places: dict[Names, list[Run]] = {}
        for case in cases:
            run = _any_run(case)
            places.setdefault(names_of(run, [*chosen, *blocks_by]), []).append(run)
        others = [
            name
            for several in places.values()
            if len(several) > 1
            for name in differing(several)
            if name.name not in {one.name for one in (*chosen, *blocks_by)}
        ]
        if not others:
            return chosen or [usual["device"]]
        chosen.append(others[0])


def _check_one(names: Iterable[str], several: Sequence[Found]) -> None:
    if len(several) == 1:
        return
    runs = [_any_run(one) for one in several]
    where = ", ".join(names)
    telling = differing(runs)
    if not telling:
        raise TableError(f"{len(several)} cases would share the row {where}; select fewer, for example with --run")
    first = telling[0]
    values = sorted({first.text(run) for run in runs})
    shown = ", ".join(values[:_SHOWN]) + (", ..." if len(values) > _SHOWN else "")
    raise TableError(
        f"{len(several)} cases would share the row {where}: they differ in {', '.join(map(str, telling))} "
        f"({first}: {shown}); add {first} to --rows or --columns, or select one of them"
    )
