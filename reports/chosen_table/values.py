"""What a chosen table shows of a run: columns of the run table, and what is made of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latency_bench.harness.number_text import decimals_by_interval, interval
from latency_bench.harness.store.columns.column import Column as RunColumn
from latency_bench.harness.store.columns.registry import columns, find_columns
from latency_bench.reports.chosen_table.case_names import CaseName, usual_case_names
from latency_bench.reports.errors import TableError
from latency_bench.reports.evidence import Found, Run
from latency_bench.reports.pair_columns import PAIR_COLUMNS
from latency_bench.reports.tables.notes import failure_note, notes_of
from latency_bench.reports.tables.table import Cell, Status
from latency_bench.reports.tables.text import MISSING

RATIO, RANK, ACCURACY = "ratio", "rank", "accuracy"
USUAL = ("latency", "n")
"""Values that a table shows where nobody asks for others."""


@dataclass(frozen=True)
class Chosen:
    """What `--columns` names, in its order."""

    blocks_by: tuple[CaseName, ...] = ()
    """What stands side by side: a block of columns for each."""
    values: tuple[RunColumn | str, ...] = ()
    """Columns of the run table, RATIO and RANK."""
    with_accuracies: bool = False
    """Whether those that specs state, and those that were measured, are shown."""

    @property
    def run_columns(self) -> list[RunColumn]:
        return [one for one in self.values if isinstance(one, RunColumn)]


def chosen_columns(words: Sequence[str], with_ratio: bool) -> Chosen:
    """Words of `--columns`: what tells cases apart stands side by side, everything else is a value of each.

    With `with_ratio`, a ratio follows the latency unless the words have one. Raises ColumnError for an unknown word,
    TableError where one stands twice.
    """
    usual = usual_case_names()
    blocks_by = tuple(usual[word] for word in words if word in usual)
    values: list[RunColumn | str] = []
    for word in [word for word in words if word not in usual and word != ACCURACY] or USUAL:
        values += [word] if word in (RATIO, RANK) else find_columns(word, PAIR_COLUMNS)
    if len(set(values)) < len(values) or len(set(blocks_by)) < len(blocks_by):
        raise TableError("--columns names something twice; leave one of them out")
    latency = columns()["median_ms"]
    if with_ratio and RATIO not in values:
        values.insert(values.index(latency) + 1 if latency in values else len(values), RATIO)
    return Chosen(blocks_by, tuple(values), ACCURACY in words)


def value_cell(found: Found, column: RunColumn, with_notes: bool) -> Cell:
    """A column's value of the run in a place, with as many digits as its interval bears. `with_notes`: what a reader
    has to know of the run, and why one failed."""
    if (run := found.run) is None:
        return _no_number(found, with_notes)
    notes = notes_of(run) if with_notes else ()
    value, status, paths = run[column.name], status_of(run), (run["path"],)
    if value in (None, []):
        return Cell(MISSING, status=status, notes=notes)
    if not column.is_number:
        return Cell(column.text(value), status=status, notes=notes, runs=paths)
    low, high = (run[end] for end in column.ends) if column.ends else (None, None)
    return Cell(number_words(column, value, low, high), float(value), low, high, status, notes, paths)


def number_words(column: RunColumn, value: float, low: float | None, high: float | None) -> str:
    """`252.4 [251.0, 253.9]`; `812 MiB`."""
    if column.ends is None:
        return column.text(value)
    decimals = decimals_by_interval(value, low, high)
    return f"{column.text(value, decimals)} {interval(low, high, decimals)}".rstrip()


def _no_number(found: Found, with_notes: bool) -> Cell:
    if found.failure is None:
        return Cell("not measured" if with_notes else MISSING, status="not measured")
    notes = (failure_note(found.failure),) if with_notes else ()
    return Cell("failed" if with_notes else MISSING, status="failed", notes=notes, runs=(found.failure["path"],))


def status_of(run: Run) -> Status:
    return "unstable" if run["status"] == "unstable" else "done"
