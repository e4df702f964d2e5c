"""Parameters and MACs that a paper prints of a model."""

from __future__ import annotations

from latency_bench.reports.papers.paper import Paper, PaperRow, PaperTable


def published_counts(paper: Paper, model: str) -> tuple[float | None, float | None] | None:
    """(millions of parameters, 10^9 MACs) of a model by its id, from the first table that prints one of the two of it;
    None where none does."""
    for table, row in paper.rows_of(model):
        if any(counts := counts_of(table, row)):
            return counts
    return None


def counts_of(table: PaperTable, row: PaperRow) -> tuple[float | None, float | None]:
    """The same of one row."""
    params_m, macs_g = (_figure(table, row, quantity) for quantity in ("params", "macs"))
    return params_m, macs_g


def _figure(table: PaperTable, row: PaperRow, quantity: str) -> float | None:
    columns = (column.name for column in table.columns if column.quantity == quantity)
    return next((figure for name in columns if (figure := table.figure(row, name)) is not None), None)
