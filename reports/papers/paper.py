"""A paper as the program uses it: tables with their rows, found by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from latency_bench.reports.papers.csv_file import as_number
from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.papers.library_models import run_id
from latency_bench.reports.papers.paper_file import Column, Figure, PaperDevice, PaperFile, Part, TableFields

ALL = "all"


@dataclass(frozen=True)
class PaperRow:
    """A row as the paper prints it: cell text by column, and which of the table's groups it stands in."""

    name: str
    """The model's, with `(rSIZE)` where several rows have it."""
    published: Mapping[str, str]
    group: int
    line: int
    """In the CSV file."""


@dataclass(frozen=True)
class TablePart:
    """What is measured of the rows. `latency` and `throughput` name the published column by the paper's device."""

    key: str
    title: str
    latency: Mapping[str, str]
    throughput: Mapping[str, str]
    lead: str
    by_throughput: bool
    models: Mapping[str, str]
    """Id of the model by the row's name; rows that have none are left out."""
    baseline: str | None
    """Name of the row that all others are held against; None: each group has its own."""

    def model_of(self, row: PaperRow) -> str | None:
        """The id of the model that is a row; None where there is none."""
        return self.models.get(row.name)


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper. Without parts nothing in it can be measured here."""

    fields: TableFields
    file: PaperFile
    path: Path
    rows: tuple[PaperRow, ...]
    parts: tuple[TablePart, ...]

    @property
    def id(self) -> str:
        return self.fields.id

    @property
    def label(self) -> str:
        return self.fields.label or f"Table {self.id}"

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.fields.columns

    @property
    def accuracy(self) -> Column | None:
        """The accuracy that models are compared by, the first one."""
        return next((column for column in self.columns if column.quantity == "accuracy"), None)

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Ids of the models that it has rows of, each once."""
        named = (part.model_of(row) for row in self.rows for part in self.parts)
        return tuple(dict.fromkeys(model for model in named if model is not None))

    def column(self, name: str) -> Column:
        """Raises PaperError for a name that it does not have."""
        for column in self.columns:
            if column.name == name:
                return column
        raise PaperError(f"{self.label} has no column {name!r}; it has {', '.join(one.name for one in self.columns)}")

    def row(self, name: str) -> PaperRow | None:
        return next((row for row in self.rows if row.name == name), None)

    def figure(self, row: PaperRow, column: str) -> float | None:
        """A cell in the unit that figures are compared in (quantities.py); None where nothing is printed."""
        value = as_number(row.published.get(column, ""))
        return None if value is None else value * self.column(column).scale

    def device(self, column: str) -> PaperDevice | None:
        """What a column was measured on."""
        name = self.column(column).device
        return None if name is None else self.file.devices[name]

    def resolution(self, row: PaperRow) -> tuple[int, int] | None:
        """(height, width) of the row's input, as far as it is printed."""
        text = row.published.get("resolution") or self.fields.resolution
        if text is None and "height" in row.published and "width" in row.published:
            text = f"{row.published['height']}x{row.published['width']}"
        if text is None or not text.replace("x", "").isdigit():
            return None
        height, _, width = text.partition("x")
        return int(height), int(width or height)


@dataclass(frozen=True)
class Paper:
    """A paper's folder, read and checked."""

    name: str
    folder: Path
    file: PaperFile
    tables: tuple[PaperTable, ...]

    def table(self, id: str) -> PaperTable:
        """Raises PaperError for a table that the paper does not have."""
        for table in self.tables:
            if table.id == id:
                return table
        raise PaperError(f"{self.name} has no table {id!r}; it has {', '.join(table.id for table in self.tables)}")

    def tables_named(self, ids: tuple[str, ...]) -> tuple[PaperTable, ...]:
        """Those of these ids, each once; `all` means all of them. Raises PaperError."""
        if ALL in ids:
            return self.tables
        return tuple(self.table(id) for id in dict.fromkeys(ids))

    def figures_named(self, ids: tuple[str, ...]) -> tuple[Figure, ...]:
        """Those of these ids, each once. Raises PaperError for a figure that the paper does not list."""
        figures = {figure.id: figure for figure in self.file.figures}
        for id in ids:
            if id not in figures:
                raise PaperError(f"{self.name} has no figure {id!r}; it lists {', '.join(figures) or 'none'}")
        return tuple(figures[id] for id in dict.fromkeys(ids))

    def rows_of(self, model: str) -> list[tuple[PaperTable, PaperRow]]:
        """Where the paper prints a model, by its id."""
        return self._rows.get(run_id(model), [])

    @cached_property
    def _rows(self) -> dict[str, list[tuple[PaperTable, PaperRow]]]:
        found: dict[str, list[tuple[PaperTable, PaperRow]]] = {}
        for table in self.tables:
            for row in table.rows:
                for model in {run_id(name) for part in table.parts if (name := part.model_of(row)) is not None}:
                    found.setdefault(model, []).append((table, row))
        return found

    def is_own(self, name: str) -> bool:
        """Whether a row's name is that of one of the paper's own models."""
        return self.file.subject is not None and name.startswith(self.file.subject)


def part_of(fields: Part, table: TableFields, models: Mapping[str, str]) -> TablePart:
    """A part with its columns by device. Latencies of other batches than 1 are shown, and measured against nothing."""
    chosen = [column for column in table.columns if column.name in fields.columns or not fields.columns]
    latency = {one.device: one.name for one in chosen if one.quantity == "latency" and one.batch == 1 and one.device}
    throughput = {one.device: one.name for one in chosen if one.quantity == "throughput" and one.device}
    lead = fields.lead or next(iter((*latency.values(), *throughput.values())), "")
    return TablePart(
        fields.key, fields.title, latency, throughput, lead, fields.by_throughput, models, table.baseline
    )  # fmt: skip
