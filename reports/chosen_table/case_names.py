"""What tells cases apart in a table: the names of its rows, and of the blocks of columns beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latency_bench.harness.identity.case_key import CASE_COLUMNS
from latency_bench.harness.identity.setting import SETTING_COLUMNS, Setting
from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import columns, find_columns
from latency_bench.harness.store.errors import ColumnError
from latency_bench.reports.evidence import Run
from latency_bench.reports.tables.text import MISSING

Names = tuple[str, ...]
"""One text by each of some case names, in their order."""


@dataclass(frozen=True)
class CaseName:
    """One thing that rows, or blocks of columns, are named by."""

    name: str
    """As options take it."""
    title: str
    reads: tuple[str, ...]
    """Columns of the run table that it is made of."""
    text: Callable[[Run], str]

    def __str__(self) -> str:
        return self.name


def _of_column(column: Column, name: str = "") -> CaseName:
    return CaseName(
        name or column.name,
        column.title or column.name.replace("_", " "),
        (column.name,),
        lambda run: column.text(run[column.name]) or MISSING,
    )


def _size(run: Run) -> str:
    return f"{run['height']}x{run['width']}"


def usual_case_names() -> dict[str, CaseName]:
    """Those that every case has, by name: what a run was of, and how it was measured. Together they tell any two cases
    apart."""
    table = columns()
    size = CaseName("resolution", "input", ("height", "width"), _size)
    setting = CaseName("setting", "measured", SETTING_COLUMNS, lambda run: Setting.of_row(run).label())
    single = {
        name: _of_column(table[name], "options" if name == "runtime_options" else name)
        for name in CASE_COLUMNS
        if name not in size.reads
    }
    return {one.name: one for one in (*single.values(), size, setting)}


def row_names(words: Iterable[str]) -> list[CaseName]:
    """What `--rows` names: what tells cases apart, or any other column of the run table that has one value a run.

    Raises ColumnError for a column that is not there, or is a list.
    """
    usual = usual_case_names()
    return [usual[word] if word in usual else _other(word) for word in words]


def _other(word: str) -> CaseName:
    (column,) = find_columns(word)
    if column.is_list:
        raise ColumnError(f"{word!r} may have several values in one run, so it cannot name a row; there are "
                          f"{', '.join(usual_case_names())}, and the columns of docs/store.md")  # fmt: skip
    return _of_column(column)


def names_of(run: Run, by: Sequence[CaseName]) -> Names:
    """The texts that name a run's row or block."""
    return tuple(one.text(run) for one in by)


def natural(text: str) -> tuple[int, float, str]:
    """To sort by: numbers by their size and before texts."""
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text


def differing(runs: Sequence[Mapping[str, Any]]) -> list[CaseName]:
    """Of the usual case names those in which these runs are not all alike, the ones that users think of first; a
    setting, which is made of others, is left out."""
    return [
        one
        for one in usual_case_names().values()
        if one.reads != SETTING_COLUMNS and len({one.text(dict(run)) for run in runs}) > 1
    ]


def common(runs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By column of the case, the text that all of these runs share."""
    different = {one.name for one in differing(runs)}
    return {
        one.name: text
        for one in usual_case_names().values()
        if one.reads != SETTING_COLUMNS and one.name not in different and (text := one.text(dict(runs[0]))) != MISSING
    }
