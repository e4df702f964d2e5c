"""The models behind a paper's rows: what `bench run` takes, and what their runs are found by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latency_bench.reports.papers.library_models import LIBRARIES, run_id
from latency_bench.reports.papers.paper import PaperRow, PaperTable, TablePart

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class MeasuredModel:
    """The model of a row, at the size that the paper's figures are of."""

    id: str
    run_id: str
    resolution: tuple[int, int] | None
    """None for a model of the catalog, which has its own."""
    throughput_batch: int | None
    """At which its throughput is published, as far as that is known."""

    @classmethod
    def of_row(cls, table: PaperTable, part: TablePart, row: PaperRow) -> MeasuredModel | None:
        """None where nobody published such a network."""
        model = part.model_of(row)
        if model is None:
            return None
        resolution = table.resolution(row) if model.startswith(LIBRARIES) else None
        return cls(model, run_id(model), resolution, batch_of(table, part, row))


def batch_of(table: PaperTable, part: TablePart, row: PaperRow) -> int | None:
    """The batch of a row's throughput; None where the table prints throughputs and none of this row."""
    printed = [table.figure(row, name) for name in part.throughput.values()]
    return table.fields.throughput_batch if not printed or any(printed) else None


def throughput_batches(tables: Iterable[PaperTable]) -> dict[str, int]:
    """By id of a model in its runs, the batch of its throughput in these tables, where the paper states it."""
    found: dict[str, int] = {}
    for table in tables:
        for part in table.parts:
            for row in table.rows:
                model, batch = part.model_of(row), batch_of(table, part, row)
                if model is not None and batch is not None:
                    found.setdefault(run_id(model), batch)
    return found


def resolutions_of(tables: Iterable[PaperTable]) -> dict[str, list[tuple[int, int]]]:
    """By id of a library's model in its runs, every (height, width) that these tables print of it."""
    made = (MeasuredModel.of_row(table, part, row) for table in tables for part in table.parts for row in table.rows)
    found: dict[str, list[tuple[int, int]]] = {}
    for model in made:
        if model is not None and model.resolution is not None:
            sizes = found.setdefault(model.run_id, [])
            sizes += [model.resolution] if model.resolution not in sizes else []
    return found


def specs_of(tables: Iterable[PaperTable]) -> list[ModelSpec]:
    """The models of these tables: those of the catalog in its order, then those of libraries. Raises SpecError."""
    from latency_bench.model_specs import list_specs, load_spec

    named = dict.fromkeys(model for table in tables for model in table.models)
    listed = [spec for spec in list_specs() if spec.id in named]
    known = {spec.id for spec in listed}
    return [*listed, *(load_spec(model) for model in named if model not in known)]
