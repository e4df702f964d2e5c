"""Models with a published accuracy: the points that a figure of speed against accuracy may have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from latency_bench.reports.papers.measured_models import MeasuredModel
from latency_bench.reports.papers.paper import PaperRow, PaperTable, TablePart
from latency_bench.reports.papers.paper_file import Column
from latency_bench.reports.plots.family_looks import family_name


@dataclass(frozen=True)
class AccurateModel:
    """A model, the row that prints it, and the column of its accuracy."""

    model: MeasuredModel
    table: PaperTable
    part: TablePart
    row: PaperRow
    accuracy: Column
    family: str

    def about(self) -> dict[str, Any]:
        """What a point says of it, whatever its speed."""
        return {
            "dataset": self.accuracy.dataset,
            "model": self.model.run_id,
            "label": self.label,
            "family": family_name(self.family),
            "accuracy": self.table.figure(self.row, self.accuracy.name),
            "metric": self.accuracy.metric,
            "accuracy_from": "published",
            "published_in": self.table.label,
        }

    @property
    def label(self) -> str:
        """The row's name; with its resolution where the table has several of it."""
        return self.row.name.replace(" (r", " r").removesuffix(")") if " (r" in self.row.name else self.row.name

    def printed(self, speed: str, device: str) -> float | None:
        """The published speed on one of the paper's devices: milliseconds, or images a second."""
        columns = self.part.latency if speed == "latency" else self.part.throughput
        column = columns.get(device)
        return None if column is None else self.table.figure(self.row, column)


def accurate_models(tables: Sequence[PaperTable]) -> list[AccurateModel]:
    """Of these tables: models of the catalog in its order, then those of libraries in the order of the tables."""
    from latency_bench.model_specs.catalog import list_specs

    found = list(_of_tables(tables))
    families = {spec.id: spec.family for spec in list_specs()}
    order = {model: place for place, model in enumerate(families)}
    known = [
        AccurateModel(one.model, one.table, one.part, one.row, one.accuracy, families.get(one.model.id, one.family))
        for one in found
    ]
    return sorted(known, key=lambda one: order.get(one.model.id, len(order)))


def _of_tables(tables: Sequence[PaperTable]) -> Iterator[AccurateModel]:
    for table in tables:
        accuracy = table.accuracy
        for row in table.rows if accuracy is not None else ():
            for part in table.parts:
                model = MeasuredModel.of_row(table, part, row)
                if model is not None and accuracy is not None and table.figure(row, accuracy.name) is not None:
                    # What a paper calls variants of a network has the same beginning.
                    yield AccurateModel(model, table, part, row, accuracy, row.name.partition("-")[0])
