"""A table of one's own from rows of the run table: rows, columns, order and baseline as they were asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from latency_bench.harness.statistics.ranking import rank_ranges, shown_best, ties
from latency_bench.harness.store.columns.column import Column as RunColumn
from latency_bench.harness.store.columns.registry import columns
from latency_bench.reports.accuracy_file import Accuracy, stated_accuracies
from latency_bench.reports.chosen_table.baseline import Baseline, find_baseline
from latency_bench.reports.chosen_table.case_names import Names, common, row_names
from latency_bench.reports.chosen_table.layout import Layout, lay_out
from latency_bench.reports.chosen_table.order import groups_of, order_of
from latency_bench.reports.chosen_table.values import RANK, RATIO, Chosen, chosen_columns, value_cell
from latency_bench.reports.errors import TableError
from latency_bench.reports.evidence import Run
from latency_bench.reports.measured_accuracies import MEASURED_REMARK, MeasuredAccuracies, Scored
from latency_bench.reports.pair_columns import frame_with_pair_columns
from latency_bench.reports.paired_ratios import PairedRatios
from latency_bench.reports.shown_better import ShownBetter
from latency_bench.reports.shown_more_accurate import ShownMoreAccurate
from latency_bench.reports.tables.quantities import NOTHING
from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

NAME = "table"
_Ranked: TypeAlias = tuple[list[int], Callable[[int, int], bool]]


@dataclass(frozen=True)
class Request:
    """How a table is to be."""

    rows: Sequence[str] = ()
    """Names of case_names.py; empty: the model, and what else tells the runs apart."""
    columns: Sequence[str] = ()
    sort: str | None = None
    baseline: str | None = None
    across: Collection[str] = ()
    title: str = ""
    accuracies: Sequence[Accuracy] = ()
    """Shown beside the models that rows are named by."""
    measured: MeasuredAccuracies = field(default_factory=MeasuredAccuracies)
    """Shown beside the runs that timed the same file, where accuracies are asked for."""
    paired: PairedRatios = field(default_factory=PairedRatios)


def build_chosen_table(runs: pd.DataFrame, request: Request) -> Table:
    """The table of these rows of the run table (latest first).

    Raises ColumnError for a name that is not there, TableError where the names do not make a table of these runs.
    """
    chosen = chosen_columns(request.columns, request.baseline is not None)
    runs = frame_with_pair_columns(runs, request.paired)
    layout = lay_out(runs, row_names(request.rows) if request.rows else None, chosen.blocks_by)
    return _Builder(layout, chosen, request).table()


def with_store(request: Request, store: Path) -> Request:
    """The request with the measured accuracies and the paired ratios that a store has. Raises StoreError."""
    from latency_bench.harness.store.accuracy_listing import find_accuracies
    from latency_bench.harness.store.pair_listing import find_pairs

    measured, paired = MeasuredAccuracies.of(find_accuracies(store)), PairedRatios.of(find_pairs(store))
    return replace(request, measured=measured, paired=paired)


class _Builder:
    """What is known of one table while it is made."""

    def __init__(self, layout: Layout, chosen: Chosen, request: Request) -> None:
        self._layout, self._chosen, self._request = layout, chosen, request
        self._better = ShownBetter(request.paired, request.across)
        self._more_accurate = ShownMoreAccurate(request.measured)
        self._scored = request.measured.columns(layout.runs) if chosen.with_accuracies else []
        self._baseline = self._find_baseline()
        order = order_of(layout, request.sort, self._ratio_of)
        self._groups = groups_of(layout, order.of(layout.rows), grouped=bool(request.rows))

    def _find_baseline(self) -> Baseline | None:
        asked = self._request.baseline
        if asked is None:
            if RATIO in self._chosen.values:
                raise TableError("a ratio needs something to be quoted over: --baseline MODEL, or NAME=VALUE")
            return None
        return find_baseline(self._layout, asked, self._request.paired, self._request.across)

    def _ratio_of(self, row: Names) -> float | None:
        if self._baseline is None:
            raise TableError("--sort ratio needs --baseline")
        values = (self._baseline.cell(row, block).value for block in self._layout.blocks)
        return next((value for value in values if value is not None), None)

    def table(self) -> Table:
        accuracies = self._accuracies()
        names = Block("", tuple(Column(one.name, one.title, is_text=True) for one in self._layout.rows_by))
        blocks, groups = [names], []
        if accuracies:
            blocks.append(Block("", tuple(Column(f"accuracy_{_key(metric)}", metric) for metric in accuracies)))
        blocks += [self._block(block) for block in self._layout.blocks]
        for group in self._groups:
            filled = [self._filled(block, group) for block in self._layout.blocks]
            groups.append(
                tuple(
                    Row((
                        tuple(Cell(text) for text in row),
                        *([tuple(of_metric.get(self._model(row), NOTHING) for of_metric in accuracies.values())]
                          if accuracies else []),
                        *(cells[number] for cells in filled),
                    ))
                    for number, row in enumerate(group)
                )
            )  # fmt: skip
        return Table(NAME, "", self._title(), tuple(blocks), tuple(groups), tuple(self._remarks()))

    def _block(self, block: Names) -> Block:
        by = self._layout.blocks_by
        facts = {one.name: text for one, text in zip(by, block, strict=True)}
        columns = (*map(self._column, self._chosen.values), *(Column(one.key, one.title) for one in self._scored))
        return Block(", ".join(block), columns, self._common() | facts or _ALL)

    def _common(self) -> dict[str, str]:
        """What all runs have in common, but for what rows are named by."""
        named = {name for one in self._layout.rows_by for name in (one.name, *one.reads)}
        runs = self._layout.runs
        return {name: text for name, text in common(runs).items() if name not in named} if runs else {}

    def _column(self, value: RunColumn | str) -> Column:
        if isinstance(value, RunColumn):
            return Column(value.name, value.heading, is_text=not value.is_number)
        return Column("speedup", "speed-up") if value == RATIO else Column("rank", "rank", is_text=True)

    def _filled(self, block: Names, group: Sequence[Names]) -> list[tuple[Cell, ...]]:
        """The cells of a block, by row of a group."""
        with_notes = next(iter(self._chosen.run_columns), None)
        by_column = [list(self._cells(value, value is with_notes, block, group)) for value in self._chosen.values]
        by_column += [self._accuracy_cells(scored, block, group) for scored in self._scored]
        return [tuple(cells[number] for cells in by_column) for number in range(len(group))]

    def _cells(self, value: RunColumn | str, with_notes: bool, block: Names, group: Sequence[Names]) -> Iterator[Cell]:
        found = [self._layout.at(row, block) for row in group]
        if value == RATIO:
            assert self._baseline is not None
            yield from (self._baseline.cell(row, block) for row in group)
        elif isinstance(value, RunColumn):
            best = self._best(value, [one.run for one in found])
            for number, one in enumerate(found):
                yield replace(value_cell(one, value, with_notes), best=number == best if value.better else None)
        else:
            ranges = rank_ranges(*self._ranked([one.run for one in found]))
            for number in range(len(found)):
                first, last = ranges.get(number, (0, 0))
                yield Cell(f"{first}" if first == last else f"{first} to {last}") if first else NOTHING

    def _accuracy_cells(self, scored: Scored, block: Names, group: Sequence[Names]) -> list[Cell]:
        runs = [self._layout.at(row, block).run for row in group]
        cells = [self._request.measured.cell(run, scored) for run in runs]
        known = {number: run for number, run in enumerate(runs) if run is not None and cells[number].value is not None}
        order = sorted(known, key=lambda number: -(cells[number].value or 0))
        best = shown_best(order, lambda one, other: self._more_accurate(known[one], known[other], scored))
        return [replace(cell, best=number == best) for number, cell in enumerate(cells)]

    def _best(self, column: RunColumn, runs: Sequence[Run | None]) -> int | None:
        """Number of the run that is shown to be the best in a column."""
        return shown_best(*self._ranked(runs, column)) if column.better else None

    def _ranked(self, runs: Sequence[Run | None], column: RunColumn | None = None) -> _Ranked:
        """Numbers of the runs that have a value, the best first, and which is shown to be better than which."""
        column = column or columns()["median_ms"]
        known = {number: run for number, run in enumerate(runs) if run is not None and run[column.name] is not None}
        order = sorted(known, key=lambda number: known[number][column.name], reverse=column.better == "higher")
        return order, lambda one, other: self._better(known[one], known[other], column)

    def _model(self, row: Names) -> str:
        return row[[one.name for one in self._layout.rows_by].index("model")]

    def _accuracies(self) -> dict[str, dict[str, Cell]]:
        """By metric and model."""
        known = list(self._request.accuracies)
        if self._chosen.with_accuracies:
            known += stated_accuracies(self._layout.runs)
        if not known:
            return {}
        if "model" not in {one.name for one in self._layout.rows_by}:
            raise TableError("accuracies are of models, and rows are not named by them; add model to --rows")
        models = {self._model(row) for row in self._layout.rows}
        found: dict[str, dict[str, Cell]] = {}
        for one in known:
            if one.model in models:
                found.setdefault(one.metric, {}).setdefault(one.model, Cell(one.text, one.value))
        return found

    def _title(self) -> str:
        if self._request.title:
            return self._request.title
        shared = self._common()
        words = [shared[name] for name in ("device", "runtime", "precision") if name in shared]
        threads = shared.get("threads")
        words += [f"{threads} thread{'' if threads == '1' else 's'}"] if threads else []
        return f"Measured on {', '.join(words)}" if words else "Measured"

    def _remarks(self) -> Iterator[str]:
        names = [one.name for one in self._chosen.run_columns]
        if "median_ms" in names:
            yield "Latency: median of the rounds' medians, with its 95 % interval, whose width gives the digits."
        if "pair_ratio" in names:
            yield (
                "Ratio of its pair: latency over that of the first side, in the latest pair in which the row's case "
                "was a further side, with its 95 % interval."
            )
        if self._baseline is not None:
            yield (
                f"Speed-up: how many times as fast as {self._baseline.words}, with the 95 % interval of the ratio; "
                "from all rounds of both, so that it need not be the quotient of the latencies beside it."
            )
        if self._scored or any(column.better for column in self._chosen.run_columns):
            yield "Bold: shown to be better than every other one of its column and group, each comparison at 95 %."
        if self._scored:
            yield MEASURED_REMARK
        if RANK in self._chosen.values:
            yield "Rank: every place that the latency may have, for all that was shown, each comparison at 95 %."
            yield from self._ties()

    def _ties(self) -> Iterator[str]:
        for block in self._layout.blocks:
            for group in self._groups:
                found = ties(*self._ranked([self._layout.at(row, block).run for row in group]))
                for members in found:
                    where = f"{', '.join(block)}: " if block else ""
                    named = ", ".join(" ".join(group[number]) for number in members)
                    yield f"{where}no difference in latency shown among {named}."


_ALL: Mapping[str, str] = {"runs": "selected"}
"""What a block is of where nothing else is common to its runs: so that it counts as measured."""


def _key(metric: str) -> str:
    """A metric as part of a column's name in CSV and JSON."""
    return "_".join("".join(letter if letter.isalnum() else " " for letter in metric.lower()).split()) or "value"
