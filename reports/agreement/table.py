"""Agreements as a table, in any format that tables have."""

from __future__ import annotations

from collections.abc import Sequence

from latency_bench.reports.agreement.series import LEAST_MODELS, Series
from latency_bench.reports.agreement.statistics import Agreement, agreement
from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.papers.paper_file import CONFIDENCE
from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table
from latency_bench.reports.tables.text import ratio

_SHOWN_SWAPS = 3
REMARKS = (
    "tau-b: Kendall's rank correlation over the models that both have, with its 95 % bootstrap interval over models; 1 "
    "is the same order, 0 none. A ratio of two models' latencies in the first place misses the one in the second by "
    "the factor in the next columns, in half of all pairs, and in all but one of twenty.",
    "Pairs that change places: ordered one way in the first place and the other way in the second, of those that both "
    "order beyond their intervals. A published figure stands for all values that are printed alike.",
    "The interval is over these models alone: it says nothing of models unlike them.",
)


def agreements(own: Sequence[Series], published: Sequence[Series]) -> list[Agreement]:
    """Of every own series with every published one, then of the published ones with each other. Raises PaperError where
    no two have enough models in common."""
    pairs = [(one, other) for one in own for other in published]
    pairs += [(one, other) for place, one in enumerate(published) for other in published[place + 1 :]]
    found = [made for one, other in pairs if (made := agreement(one, other)) is not None]
    if not found:
        raise PaperError(
            f"none of these places has {LEAST_MODELS} models in common with another at the same input size"
        )
    return found


def build_agreement(found: Sequence[Agreement]) -> Table:
    """One row for each two places."""
    return Table(
        name="agreement",
        label="",
        title="Do rankings carry over?",
        blocks=(
            Block("", (Column("first", "in", is_text=True),)),
            Block(
                "",
                (
                    Column("second", "against", is_text=True),
                    Column("models", "models"),
                    Column("tau_b", "tau-b"),
                    Column("tau_b_low", "lower end"),
                    Column("tau_b_high", "upper end"),
                    Column("missed_half", "ratios miss by, half"),
                    Column("missed_most", "19 of 20"),
                    Column("swapped", "pairs that change places"),
                    Column("decided", "of"),
                ),
            ),
        ),
        groups=(tuple(map(_row, found)),),
        remarks=REMARKS,
    )


def _row(one: Agreement) -> Row:
    swaps = tuple(
        f"{one.first.name} against {one.second.name}: {swap.slower} takes {ratio(swap.first)} as long as "
        f"{swap.quicker} in the first, {ratio(swap.second)} in the second"
        for swap in one.swaps[:_SHOWN_SWAPS]
    )
    numbers = (
        _place(one.second),
        Cell(str(len(one.keys)), len(one.keys)),
        *(Cell(f"{value:.2f}", value) for value in (one.tau, one.low, one.high)),
        Cell(ratio(one.typical), one.typical),
        Cell(ratio(one.rare), one.rare),
        Cell(str(len(one.swaps)), len(one.swaps), notes=swaps),
        Cell(str(one.decided), one.decided),
    )
    return Row(((_place(one.first),), numbers))


def _place(series: Series) -> Cell:
    """Its name, with how sure its figures are where they are not the authors' own text."""
    sure = "" if series.confidence in ("", "A") else f"{series.name}: {CONFIDENCE[series.confidence]}"
    return Cell(series.name, notes=(sure,) if sure else ())
