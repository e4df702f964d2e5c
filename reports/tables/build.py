"""One of the paper's tables: what it prints, and beside it every setting that was measured."""

from __future__ import annotations

from collections.abc import Sequence

from latency_bench.reports.published.tables import number
from latency_bench.reports.tables.measured_block import BASELINE, MeasuredBlock, PaperRow, baselines, measured_block
from latency_bench.reports.tables.paper import PAPER_TABLES, PaperTable, Variant, groups, model_of
from latency_bench.reports.tables.quantities import NOTHING, Measurements
from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table
from latency_bench.reports.tables.text import ratio

PUBLISHED = "published"
_SPEED_UP_REMARK = (
    "Speed-up: latency of the group's baseline over the model's. The baseline is the first model of a group that the "
    "paper has a figure for. Intervals are 95 %, from the rounds of both runs."
)
_THROUGHPUT_REMARK = (
    "Throughput was not measured: bench run measures it with --streams 2, and with --batch 16 as the paper did for "
    "Tables 4 and 6; for Table 3 its batch was 1."
)
_PUBLISHED_REMARK = "Published figures are the paper's, accuracy among them: nothing here measures accuracy."


def build_table(paper_number: int, measurements: Measurements) -> Table:
    """The table. Raises KeyError for a number that the paper does not have."""
    paper = PAPER_TABLES[paper_number]
    rows = [PaperRow(row, group) for group, members in enumerate(groups(paper_number)) for row in members]
    measured = [
        block
        for setting in measurements.settings
        if (block := measured_block(paper, rows, setting, measurements)) is not None
    ]
    published, published_cells = _published(paper, rows)
    made = [
        Row(((Cell(_model_name(row, rows)),), published_cells[index], *(block.cells[index] for block in measured)))
        for index, row in enumerate(rows)
    ]
    return Table(
        name=f"table{paper_number}",
        label=f"Table {paper_number}",
        title=paper.title,
        blocks=(Block("", (Column("model", "model", is_text=True),)), published, *(one.block for one in measured)),
        groups=tuple(
            tuple(one for one, row in zip(made, rows, strict=True) if row.group == group)
            for group in dict.fromkeys(row.group for row in rows)
        ),
        remarks=_remarks(paper, measured),
    )


def _model_name(row: PaperRow, rows: Sequence[PaperRow]) -> str:
    """As the paper prints it, with its `r288` where several rows are of one model."""
    name = row.published["model"]
    several = sum(one.published["model"] == name for one in rows) > 1
    return f"{name} (r{row.published['resolution']})" if several else name


def _published(paper: PaperTable, rows: Sequence[PaperRow]) -> tuple[Block, list[tuple[Cell, ...]]]:
    columns = [
        (Column(f"published_{one.name}", one.title), [_printed(row.published.get(one.name, "")) for row in rows])
        for one in paper.columns
    ]
    for variant in paper.variants:
        if variant.lead:
            columns.append(_published_speed_up(paper, rows, variant))
    block = Block(PUBLISHED, tuple(column for column, _ in columns))
    return block, [tuple(cells[index] for _, cells in columns) for index in range(len(rows))]


def _printed(text: str) -> Cell:
    if not text:
        return NOTHING
    try:
        return Cell(text, float(text))
    except ValueError:
        return Cell(text)


def _published_speed_up(paper: PaperTable, rows: Sequence[PaperRow], variant: Variant) -> tuple[Column, list[Cell]]:
    """Of the paper's own figures, over the same baselines as what was measured."""
    specs = [model_of(paper, row.published, variant) for row in rows]
    of_group = baselines(rows, specs, variant)
    cells = []
    for index, row in enumerate(rows):
        baseline = of_group.get(row.group)
        figures = [number(one.published, variant.lead) for one in (row, rows[baseline or 0])]
        if baseline is None or None in figures:
            cells.append(NOTHING)
        elif baseline == index:
            cells.append(BASELINE)
        else:
            own, base = (float(figure or 0) for figure in figures)
            factor = own / base if variant.by_throughput else base / own
            cells.append(Cell(ratio(factor), factor))
    title = next(one.title for one in paper.columns if one.name == variant.lead).partition(",")[0]
    what = "gain" if variant.by_throughput else "speed-up"
    return Column(f"published_{variant.lead}_speedup", f"{title} {what}"), cells


def _remarks(paper: PaperTable, measured: Sequence[MeasuredBlock]) -> tuple[str, ...]:
    remarks = [_PUBLISHED_REMARK, *paper.remarks]
    if paper.variants:
        remarks.append(_SPEED_UP_REMARK)
    if any(variant.throughput for variant in paper.variants) and not any(
        column.key.endswith("img_s") for one in measured for column in one.block.columns
    ):
        remarks.append(_THROUGHPUT_REMARK)
    return tuple(remarks)
