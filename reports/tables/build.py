"""One of the paper's tables: what it prints, and beside it every setting that was measured."""

from __future__ import annotations

from collections.abc import Sequence

from latency_bench.reports.measured_accuracies import MEASURED_REMARK
from latency_bench.reports.paired_ratios import INTERVALS_REMARK
from latency_bench.reports.papers.paper import PaperRow, PaperTable, TablePart
from latency_bench.reports.papers.paper_file import CONFIDENCE
from latency_bench.reports.tables.measured_block import BASELINE, MeasuredBlock, baselines, measured_block
from latency_bench.reports.tables.quantities import NOTHING, Measurements
from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table
from latency_bench.reports.tables.text import ratio

PUBLISHED = "published"
_SPEED_UP_REMARK = (
    "Speed-up: latency of the group's baseline over the model's. The baseline is the first model of a group that the "
    f"paper has a figure for. {INTERVALS_REMARK}."
)
_ONE_BASELINE_REMARK = f"Speed-up: latency of the baseline over the model's. {INTERVALS_REMARK}."
_THROUGHPUT_REMARK = "Throughput was not measured: bench run measures it with --streams 2"
_PUBLISHED_REMARK = "Published figures are the paper's, accuracy among them: what is measured here is latency."
_PUBLISHED_BESIDE_MEASURED = "Published figures are the paper's, accuracy among them."


def build_table(table: PaperTable, measurements: Measurements) -> Table:
    """The table with columns for every setting that was measured."""
    rows = table.rows
    measured = [
        block
        for setting in measurements.settings
        if (block := measured_block(table, setting, measurements)) is not None
    ]
    published, published_cells = _published(table)
    made = [
        Row(((Cell(row.name),), published_cells[index], *(block.cells[index] for block in measured)))
        for index, row in enumerate(rows)
    ]
    return Table(
        name=f"table{table.id}",
        label=table.label,
        title=table.fields.title,
        blocks=(Block("", (Column("model", "model", is_text=True),)), published, *(one.block for one in measured)),
        groups=tuple(
            tuple(one for one, row in zip(made, rows, strict=True) if row.group == group)
            for group in dict.fromkeys(row.group for row in rows)
        ),
        remarks=_remarks(table, measured),
    )


def _published(table: PaperTable) -> tuple[Block, list[tuple[Cell, ...]]]:
    columns = [
        (Column(f"published_{one.name}", one.title), [_printed(row.published[one.name]) for row in table.rows])
        for one in table.columns
    ]
    columns += [_published_speed_up(table, part) for part in table.parts if part.lead]
    block = Block(PUBLISHED, tuple(column for column, _ in columns))
    return block, [tuple(cells[index] for _, cells in columns) for index in range(len(table.rows))]


def _printed(text: str) -> Cell:
    if not text:
        return NOTHING
    try:
        return Cell(text, float(text))
    except ValueError:
        return Cell(text)


def _published_speed_up(table: PaperTable, part: TablePart) -> tuple[Column, list[Cell]]:
    """Of the paper's own figures, over the same baselines as what was measured."""
    rows: tuple[PaperRow, ...] = table.rows
    of_group = baselines(table, part)
    cells = []
    for index, row in enumerate(rows):
        baseline = of_group.get(row.group)
        figures = [table.figure(one, part.lead) for one in (row, rows[baseline or 0])]
        if baseline is None or None in figures:
            cells.append(NOTHING)
        elif baseline == index:
            cells.append(BASELINE)
        else:
            own, base = (float(figure or 0) for figure in figures)
            factor = own / base if part.by_throughput else base / own
            cells.append(Cell(ratio(factor), factor))
    title = table.column(part.lead).title.partition(",")[0]
    what = "gain" if part.by_throughput else "speed-up"
    return Column(f"published_{part.lead}_speedup", f"{title} {what}"), cells


def _remarks(table: PaperTable, measured: Sequence[MeasuredBlock]) -> tuple[str, ...]:
    accuracies = any(one.has_accuracies for one in measured)
    said = (_PUBLISHED_BESIDE_MEASURED, MEASURED_REMARK) if accuracies else (_PUBLISHED_REMARK,)
    remarks = [*said, *table.fields.remarks]
    if table.fields.confidence not in (None, "A"):
        remarks.append(f"How sure the published figures are: {CONFIDENCE[table.fields.confidence]}.")
    if any(part.baseline for part in table.parts):
        remarks.append(_ONE_BASELINE_REMARK)
    elif table.parts:
        remarks.append(_SPEED_UP_REMARK)
    if any(part.throughput for part in table.parts) and not any(
        column.key.endswith("img_s") for one in measured for column in one.block.columns
    ):
        batches = table.file.throughput_remark
        remarks.append(f"{_THROUGHPUT_REMARK}, and {batches}" if batches else f"{_THROUGHPUT_REMARK}.")
    return tuple(remarks)
