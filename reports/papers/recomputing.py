"""A paper against itself: claims recomputed from its own cells, and cells that two of its tables print differently.

Every printed number is taken for the range that is rounded to it, so that rounding alone is never a contradiction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from latency_bench.reports.papers.paper import Paper, PaperRow, PaperTable
from latency_bench.reports.papers.paper_file import ClaimFields, Column
from latency_bench.reports.papers.printed_digits import Range
from latency_bench.reports.papers.quantities import SMALLER_IS_BETTER

_SAYS: Mapping[str, Callable[[float, float], float]] = {
    "less": lambda subject, baseline: 100 * (1 - subject / baseline),
    "more": lambda subject, baseline: 100 * (subject / baseline - 1),
    "share": lambda subject, baseline: subject / baseline,
    "difference": lambda subject, baseline: subject - baseline,
}
"""What a claim is of the two cells, by `says`; a `factor` is in the subject's favour, whichever way that is."""
_ABOUT = 1.1
"""By which a factor may be missed that is claimed as about so much."""
_UNITS = {"factor": "x", "less": " % less", "more": " % more", "share": " of it", "difference": " points"}


@dataclass(frozen=True)
class RecomputedClaim:
    """A claim beside what the paper's cells give."""

    claim: ClaimFields
    claimed: str
    recomputed: str | None
    """None where the cells are not printed."""
    agrees: bool | None
    why: str
    """Which cells, or why it cannot be recomputed."""


@dataclass(frozen=True)
class Contradiction:
    """One thing that two tables print differently."""

    row: str
    what: str
    """The column's title."""
    first: str
    second: str
    """Table and figure."""


def recomputed_claims(paper: Paper) -> list[RecomputedClaim]:
    return [_recomputed(paper, claim) for claim in paper.file.claims]


def contradictions(paper: Paper) -> list[Contradiction]:
    """Of the same row, quantity, device and size, what does not agree beyond rounding."""
    first: dict[tuple[object, ...], tuple[PaperTable, Column, str]] = {}
    found = []
    for table, row, column, text in _figures(paper):
        key = (row.name, *_identity(column), column.device, table.resolution(row), column.precision, column.batch)
        if key not in first:
            first[key] = (table, column, text)
            continue
        other, its, before = first[key]
        if other is table:
            continue  # A table of several data sets prints a model more than once.
        if not Range.of_text(before, its.scale).meets(Range.of_text(text, column.scale)):
            printed = f"{other.label} prints {before}", f"{table.label} prints {text}"
            found.append(Contradiction(row.name, column.title, *printed))
    return found


def _figures(paper: Paper) -> Iterator[tuple[PaperTable, PaperRow, Column, str]]:
    for table in paper.tables:
        for column in table.columns:
            for row in table.rows if column.quantity else ():
                if text := row.published[column.name].strip():
                    yield table, row, column, text


def _identity(column: Column) -> tuple[object, ...]:
    return column.quantity, column.dataset, column.metric


def _recomputed(paper: Paper, claim: ClaimFields) -> RecomputedClaim:
    claimed = f"{claim.factor}{_UNITS[claim.says]}"
    if claim.table is None or claim.column is None:
        return RecomputedClaim(claim, claimed, None, None, claim.note or "none of the tables prints it")
    table = paper.table(claim.table)
    column = table.column(claim.column)
    sides = [_cell(table, name, column) for name in (claim.subject, claim.baseline)]
    texts = [text for text in sides if text]
    if len(texts) < 2:
        missing = [name for name, text in zip((claim.subject, claim.baseline), sides, strict=True) if not text]
        return RecomputedClaim(
            claim, claimed, None, None, claim.note or f"{table.label} prints nothing for {' and '.join(missing)}"
        )
    subject, baseline = (Range.of_text(text, column.scale) for text in texts)
    given = subject.combined(baseline, _function(claim, column))
    words = f"{table.label}: {texts[0]} and {texts[1]}" + (f"; {claim.note}" if claim.note else "")
    return RecomputedClaim(
        claim, claimed, f"{given.middle:.3g}{_UNITS[claim.says]}", _stated(claim).meets(given), words
    )


def _function(claim: ClaimFields, column: Column) -> Callable[[float, float], float]:
    if claim.says != "factor":
        return _SAYS[claim.says]
    if column.quantity in SMALLER_IS_BETTER:
        return lambda subject, baseline: baseline / subject
    return lambda subject, baseline: subject / baseline


def _cell(table: PaperTable, name: str, column: Column) -> str | None:
    row = table.row(name)
    return row.published[column.name].strip() if row is not None else None


def _stated(claim: ClaimFields) -> Range:
    """Of `13.9`, `3.3-4.5`, `>1` or `>=1`."""
    if claim.factor.startswith(">"):
        return Range(1.0, float("inf"))
    first, _, last = claim.factor.partition("-")
    room = _ABOUT if claim.about else 1.0
    return Range(Range.of_text(first).low / room, Range.of_text(last or first).high * room)
