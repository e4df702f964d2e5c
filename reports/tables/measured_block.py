"""The columns of one setting beside the paper's rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.throughput import throughput_batch, throughput_img_s
from latency_bench.harness.store.columns.column import Column as RunColumn
from latency_bench.harness.store.columns.registry import columns as run_columns
from latency_bench.reports.evidence import Found, Run
from latency_bench.reports.measured_accuracies import Scored
from latency_bench.reports.papers.measured_models import MeasuredModel
from latency_bench.reports.papers.paper import PaperRow, PaperTable, TablePart
from latency_bench.reports.papers.paper_file import PaperDevice
from latency_bench.reports.tables.commands import Command
from latency_bench.reports.tables.quantities import (
    NO_NETWORK,
    NOTHING,
    Measurements,
    column_cell,
    latency_cell,
    speed_up,
    throughput_cell,
    throughput_gain,
    to_published,
)
from latency_bench.reports.tables.table import Block, Cell, Column

Filled = tuple[Column, list[Cell]]
"""A column with its cells by row."""
BASELINE = Cell("baseline", 1.0)


@dataclass(frozen=True)
class MeasuredBlock:
    """A setting's columns: the block, and its cells by row."""

    block: Block
    cells: list[tuple[Cell, ...]]
    has_accuracies: bool = False
    """Whether the accuracy of what was timed was measured too."""


def measured_block(table: PaperTable, setting: Setting, measurements: Measurements) -> MeasuredBlock | None:
    """None where no row was ever tried in this setting, and nobody asked for it."""
    parts = [_Part(table, part, setting, measurements) for part in table.parts]
    if not any(part.is_tried for part in parts) and setting not in measurements.asked_for:
        return None
    columns = [column for part in parts for column in part.columns()]
    block = Block(setting.label(), tuple(column for column, _ in columns), facts_of(setting))
    cells = [tuple(of_rows[index] for _, of_rows in columns) for index in range(len(table.rows))]
    return MeasuredBlock(block, cells, any(part.scored for part in parts))


def facts_of(setting: Setting) -> dict[str, str]:
    """What a program needs to know of a setting, by column of a CSV."""
    return {
        "device": setting.device,
        "runner": setting.runner,
        "runtime": setting.runtime,
        "precision": setting.precision,
        "threads": "" if setting.threads is None else str(setting.threads),
        "runtime_options": setting.options,
    }


def baselines(table: PaperTable, part: TablePart) -> dict[int, int]:
    """Index of the baseline's row by group: the one that paper.yaml names, else the first one whose latency or
    throughput the paper prints, else the first that can be measured."""
    rows = table.rows
    printed = [*part.latency.values(), *part.throughput.values()]
    named = next((index for index, row in enumerate(rows) if row.name == part.baseline), None)
    found = {}
    for group, members in groupby(range(len(rows)), key=lambda index: rows[index].group):
        measurable = [index for index in members if part.model_of(rows[index]) is not None]
        with_figure = [i for i in measurable if any(table.figure(rows[i], name) for name in printed)]
        if named is not None:
            found[group] = named
        elif measurable:
            found[group] = (with_figure or measurable)[0]
    return found


class _Part:
    """The columns of one part."""

    def __init__(self, table: PaperTable, part: TablePart, setting: Setting, measurements: Measurements) -> None:
        self._table, self._part, self._setting, self._measurements = table, part, setting, measurements
        self._rows: Sequence[PaperRow] = table.rows
        self._models = [MeasuredModel.of_row(table, part, row) for row in table.rows]
        self._baselines = baselines(table, part)
        # In a table of several data sets a row without the one in question is no gap.
        self._absent = NO_NETWORK if len(table.parts) == 1 else NOTHING

    def columns(self) -> list[Filled]:
        shown = self._latency_columns() + (self._throughput_columns() if self._shows_throughput else [])
        if not self._part.key:
            return shown
        return [
            (replace(one, key=f"{self._part.key}_{one.key}", title=f"{self._part.title}: {one.title}"), cells)
            for one, cells in shown
        ]

    @property
    def is_tried(self) -> bool:
        return any(found.run or found.failure for found in (*self._latencies, *self._throughputs))

    @cached_property
    def _latencies(self) -> list[Found]:
        return [self._find(model, 1) for model in self._models]

    @cached_property
    def _throughputs(self) -> list[Found]:
        return [self._find(model, batch) for model, batch in zip(self._models, self._batches, strict=True)]

    @cached_property
    def _batches(self) -> list[int | None]:
        """At which the throughput of each row is taken; None where there is no such network, or nothing was measured
        and the paper states no batch."""
        evidence = self._measurements.evidence
        return [
            throughput_batch(
                model.throughput_batch,
                evidence.throughputs_img_s(model.run_id, self._setting, resolution=model.resolution),
            )
            if model
            else None
            for model in self._models
        ]

    @property
    def _shows_throughput(self) -> bool:
        """Not where it would repeat the latency: at batch 1, unless it was measured with requests in flight."""
        return self._part.by_throughput or any(
            found.run is not None and (found.run["batch"] > 1 or found.run["throughput_img_s"] is not None)
            for found in self._throughputs
        )

    def _find(self, model: MeasuredModel | None, batch: int | None) -> Found:
        if model is None or batch is None:
            return Found()
        return self._measurements.evidence.find(model.run_id, self._setting, batch=batch, resolution=model.resolution)

    def _latency_columns(self) -> list[Filled]:
        cells = [
            self._absent if model is None else latency_cell(one, self._command(model))
            for model, one in zip(self._models, self._latencies, strict=True)
        ]
        columns = [(Column("latency_ms", "latency, ms"), cells)]
        if (printed := self._printed(self._part.latency)) is not None:
            against = [
                to_published(cell.value, figure, one.run, self._device)
                for cell, figure, one in zip(cells, printed, self._latencies, strict=True)
            ]
            columns.append((Column("latency_to_published", "measured / published"), against))
        columns.append((Column("speedup", "speed-up"), self._against_baseline(self._latencies, self._speed_up)))
        # What a latency rests on stands beside it, whatever else was chosen.
        counts = run_columns()["round_samples"]
        others = [column for column in self._measurements.columns if column.name != counts.name]
        chosen = [*map(self._chosen_column, others), *self._accuracy_columns()]
        return [columns[0], self._chosen_column(counts), *columns[1:], *chosen]

    def _accuracy_columns(self) -> list[Filled]:
        """Measured ones, of the files that these latencies are of."""
        cell, runs = self._measurements.accuracies.cell, [found.run for found in self._latencies]
        return [(Column(one.key, one.title), [cell(run, one) for run in runs]) for one in self.scored]

    @cached_property
    def scored(self) -> list[Scored]:
        """What was measured of the accuracy of these rows' files."""
        runs = (found.run for found in self._latencies)
        return self._measurements.accuracies.columns(run for run in runs if run is not None)

    def _speed_up(self, run: Run | None, baseline: Run | None, across: Collection[str]) -> Cell:
        return speed_up(run, baseline, across, self._measurements.paired)

    def _chosen_column(self, column: RunColumn) -> Filled:
        cells = [
            self._absent if model is None else column_cell(found, column)
            for model, found in zip(self._models, self._latencies, strict=True)
        ]
        return Column(column.name, column.heading, is_text=not column.is_number), cells

    def _throughput_columns(self) -> list[Filled]:
        stated = {model.throughput_batch for model in self._models if model is not None and model.throughput_batch}
        (only,) = stated if len(stated) == 1 else (None,)
        cells = [
            self._throughput_cell(model, batch, one, is_named=batch != only)
            for model, batch, one in zip(self._models, self._batches, self._throughputs, strict=True)
        ]
        columns = [(Column("img_s", f"img/s, batch {only}" if only else "img/s"), cells)]
        if (printed := self._printed(self._part.throughput)) is not None:
            against = [
                to_published(None if one.run is None else throughput_img_s(one.run), figure, one.run, self._device)
                for figure, one in zip(printed, self._throughputs, strict=True)
            ]
            columns.append((Column("img_s_to_published", "measured / published"), against))
        if self._part.by_throughput:
            gains = self._against_baseline(self._throughputs, throughput_gain)
            columns.append((Column("img_s_gain", "throughput gain"), gains))
        return columns

    def _throughput_cell(self, model: MeasuredModel | None, batch: int | None, found: Found, is_named: bool) -> Cell:
        """`is_named`: the column's title does not say the batch."""
        if model is None:
            return self._absent
        if batch is None:
            return NOTHING
        stated = model.throughput_batch or batch
        command = self._command(model, stated, throughput=True)
        cell = throughput_cell(found, command, (at_batch(batch, model.throughput_batch),) if is_named else ())
        # Another batch than the paper's is shown and named; what the paper measured is still to be measured.
        return cell if batch == stated else replace(cell, commands=(command,))

    def _command(self, model: MeasuredModel, batch: int = 1, throughput: bool = False) -> Command:
        return self._measurements.command(model.id, self._setting, batch, throughput, resolution=model.resolution)

    @property
    def _device(self) -> PaperDevice | None:
        """Which of the paper's devices the setting was measured on."""
        return self._table.file.devices.get(self._measurements.paper_device(self._setting) or "")

    def _printed(self, columns: Mapping[str, str]) -> list[float | None] | None:
        """What the paper prints for the device that this is; None where it is none of the paper's."""
        name = columns.get(self._measurements.paper_device(self._setting) or "")
        return None if name is None else [self._table.figure(row, name) for row in self._rows]

    def _against_baseline(
        self, found: Sequence[Found], quantity: Callable[[Run | None, Run | None, Collection[str]], Cell]
    ) -> list[Cell]:
        cells = []
        for index, (row, one) in enumerate(zip(self._rows, found, strict=True)):
            baseline = self._baselines.get(row.group)
            if baseline is None or one.run is None:
                cells.append(NOTHING)
            else:
                of_baseline, across = found[baseline].run, self._measurements.across
                cells.append(BASELINE if baseline == index else quantity(one.run, of_baseline, across))
        return cells


def at_batch(batch: int | None, stated: int | None) -> str:
    """Which batch a throughput was taken at, where a column does not say so."""
    if stated == batch:
        return f"at batch {batch}"
    of_paper = "the paper's is not stated" if stated is None else f"the paper's is {stated}"
    return f"at batch {batch}; {of_paper}"
