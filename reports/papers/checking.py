"""`bench papers check`: whether a paper's folder holds what it says, and whether the paper agrees with itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec

from latency_bench.model_specs.counting import Counts
from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.known_counts import known_counts
from latency_bench.model_specs.spec import ModelSpec
from latency_bench.reports.papers.library_models import LIBRARIES
from latency_bench.reports.papers.paper import Paper, PaperRow, PaperTable
from latency_bench.reports.papers.printed_digits import Range
from latency_bench.reports.papers.recomputing import (
    Contradiction,
    RecomputedClaim,
    contradictions,
    recomputed_claims,
)

TOLERANCE = 0.03
"""By which a count may miss what is printed, beyond rounding."""
EVERY_OTHER = "*"
COUNTED_ON_REQUEST = tuple(prefix.replace(":", "-") for prefix in LIBRARIES)
_WORDS = {"params": "M parameters", "macs": "G MACs"}


@dataclass(frozen=True)
class CountedRow:
    """A printed count beside ours: millions of parameters or 10^9 MACs."""

    table: str
    row: str
    model: str
    quantity: str
    published: str
    counted: float
    agrees: bool
    reason: str | None
    """Why they differ, where that is known."""


@dataclass
class CheckedPaper:
    """All that a check finds. `problems` are the folder's own, and make it fail."""

    paper: Paper
    claims: list[RecomputedClaim]
    contradictions: list[Contradiction]
    problems: list[str] = field(default_factory=list)
    absent: list[tuple[str, str, str]] = field(default_factory=list)
    """(table, row, why) of rows that have no model here."""
    unchecked: list[str] = field(default_factory=list)
    """Models of libraries that are not installed."""
    compared: list[CountedRow] = field(default_factory=list)

    @property
    def differing(self) -> list[CountedRow]:
        return [count for count in self.compared if not count.agrees]


def check_paper(paper: Paper, count_libraries: bool = False) -> CheckedPaper:
    """`count_libraries`: count the models of timm and torchvision too, which builds each of them."""
    checked = CheckedPaper(paper, recomputed_claims(paper), contradictions(paper))
    for table in paper.tables:
        for row in table.rows:
            models = dict.fromkeys(model for part in table.parts if (model := part.model_of(row)) is not None)
            if not models:
                _check_absent(checked, table, row)
            for model in models:
                if (spec := _spec(checked, table, row, model)) is not None:
                    checked.compared += _compared(table, row, spec, count_libraries)
    for count in checked.differing:
        if count.reason is None:
            checked.problems.append(
                f"{count.table}, {count.row}: {count.published} {count.quantity} are printed, and {count.model} has "
                f"{count.counted:.4g}; name another model, or say why in `count_notes`"
            )
    return checked


def _check_absent(checked: CheckedPaper, table: PaperTable, row: PaperRow) -> None:
    why = table.fields.absent.get(row.name) or table.fields.absent.get(EVERY_OTHER)
    if why is not None:
        checked.absent.append((table.label, row.name, why))
    elif any(not part.models for part in table.parts) and not table.models:
        checked.absent.append((table.label, row.name, "the table does not name a model for any of its rows"))
    else:
        checked.problems.append(
            f"{table.path}:{row.line}: the row {row.name!r} has no model; name it in `models` of table {table.id}, or "
            "say why not in `absent`"
        )


def _spec(checked: CheckedPaper, table: PaperTable, row: PaperRow, model: str) -> ModelSpec | None:
    """None where it cannot be had; then it is said why."""
    from latency_bench.model_specs.catalog import load_spec

    if model.startswith(LIBRARIES) and find_spec(model.partition(":")[0]) is None:
        checked.unchecked.append(model)
        return None
    try:
        return load_spec(model)
    except SpecError as error:
        checked.problems.append(f"{table.path}:{row.line}: {row.name!r}: {error}")
        return None


def _compared(table: PaperTable, row: PaperRow, spec: ModelSpec, count_libraries: bool) -> Iterator[CountedRow]:
    """What is printed of a row's parameters and MACs beside what its model has at the row's size."""
    counts = _counts(table, row, spec, count_libraries)
    for column in table.columns if counts is not None else ():
        text = row.published[column.name].strip()
        if not text or column.quantity not in ("params", "macs"):
            continue
        assert counts is not None
        counted = counts.params / 1e6 if column.quantity == "params" else counts.macs / 1e9
        printed = Range.of_text(text, column.scale)
        agrees = printed.low * (1 - TOLERANCE) <= counted <= printed.high * (1 + TOLERANCE)
        own = spec.deviation.params if column.quantity == "params" else spec.deviation.macs
        reason = None if agrees else table.fields.count_notes.get(row.name) or table.fields.count_notes.get("*") or own
        yield CountedRow(table.label, row.name, spec.id, _WORDS[column.quantity], text, counted, agrees, reason)


def _counts(table: PaperTable, row: PaperRow, spec: ModelSpec, count_libraries: bool) -> Counts | None:
    known = known_counts(spec.id)
    if known is not None or not count_libraries or not spec.id.startswith(COUNTED_ON_REQUEST):
        return known
    from latency_bench.model_specs.counting import count

    size = table.resolution(row)
    return count(spec.at(size) if size is not None else spec)
