"""What each of a paper's claims compares, in ids of our models."""

from __future__ import annotations

from dataclasses import dataclass

from latency_bench.reports.papers.measured_models import MeasuredModel
from latency_bench.reports.papers.paper import Paper, PaperTable
from latency_bench.reports.papers.paper_file import ClaimFields


@dataclass(frozen=True)
class Subject:
    """Two models and what is compared. A side without a model cannot be measured here; the attention of a figure is no
    model at all."""

    quantity: str
    baseline: MeasuredModel | None = None
    candidate: MeasuredModel | None = None

    @property
    def models(self) -> tuple[MeasuredModel, ...]:
        return tuple(model for model in (self.baseline, self.candidate) if model is not None)


@dataclass(frozen=True)
class Claim:
    """One claim of the paper's text, and what it compares."""

    fields: ClaimFields
    subject: Subject

    @property
    def which(self) -> str:
        """Both sides in words."""
        return self.fields.which or f"{self.fields.subject} over {self.fields.baseline}"


def claims_of(paper: Paper) -> tuple[Claim, ...]:
    """Every claim, in the order of the paper."""
    return tuple(Claim(fields, _subject(fields, paper)) for fields in paper.file.claims)


def _subject(fields: ClaimFields, paper: Paper) -> Subject:
    if fields.table is None:
        return Subject(fields.quantity)
    table = paper.table(fields.table)
    return Subject(fields.quantity, _model(table, fields, fields.baseline), _model(table, fields, fields.subject))


def _model(table: PaperTable, fields: ClaimFields, name: str) -> MeasuredModel | None:
    """Of the part that has the claim's column; of a column that is no speed, of the first part with such a model."""
    row = table.row(name)
    if row is None:
        return None
    parts = [part for part in table.parts if fields.column in {*part.latency.values(), *part.throughput.values()}]
    models = (MeasuredModel.of_row(table, part, row) for part in parts or table.parts)
    return next((model for model in models if model is not None), None)
