"""All claims as a table: what the paper says, what was measured, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from latency_bench.harness.identity.setting import Setting
from latency_bench.reports.claims.claim_evidence import MARKS_EXPLAINED, is_inconclusive, marks_of
from latency_bench.reports.claims.claim_verdicts import MARGIN, PublishedFactor, judge, tone_of, verdicts_explained
from latency_bench.reports.claims.factors import (
    COUNTED_OF,
    Factor,
    attention_factors,
    counted_factor,
    latency_factor,
    throughput_factor,
)
from latency_bench.reports.claims.subjects import Claim, claims_of
from latency_bench.reports.paired_ratios import INTERVALS_REMARK
from latency_bench.reports.papers.paper import Paper
from latency_bench.reports.tables.measured_block import facts_of
from latency_bench.reports.tables.quantities import NOTHING, Measurements
from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table
from latency_bench.reports.tables.text import ratio

if TYPE_CHECKING:
    import pandas as pd

_INTERVALS = (
    "A factor above 1 is in favour of {subject}. "
    f"{INTERVALS_REMARK}; what lies outside an interval is ruled out, and measured / published says it in units of "
    "the published factor."
)
_PLACES = "The paper's factors are of its own devices; a verdict here is of the device that heads the column."
_NOT_MEASURED = Cell("not measured", status="not measured")
_NOTHING_MEASURES_IT = Cell("accuracy", notes=("what is measured here is latency",))
_NOT_COMPARABLE = Cell("not comparable", status="not comparable", tone="open")
_NO_VERDICT = Cell("no verdict", tone="open")
_INCONCLUSIVE = Cell("inconclusive: measured twice, and not shown steady", tone="open")


def build_claims(paper: Paper, runs: pd.DataFrame, measurements: Measurements, margin: float = MARGIN) -> Table:
    """The table of all claims: `runs` is where attention is looked for (its shapes are no models of the catalog).

    `margin`: by which factor a measured factor may miss the published one and still reproduce it.
    """
    claims = claims_of(paper)
    of_attention = any(claim.subject.quantity == "attention" for claim in claims)
    attention = attention_factors(runs, measurements.paired) if of_attention else {}
    settings = [
        setting
        for setting in measurements.settings
        if setting in measurements.asked_for or setting in attention or _has_any(claims, setting, measurements)
    ]
    columns = (
        Column("factor", "factor"),
        Column("factor_to_published", "measured / published"),
        Column("verdict", "verdict", is_text=True),
    )
    measured = [Block(setting.label(), columns, facts_of(setting)) for setting in settings]
    return Table(
        name="claims",
        label="",
        title="The paper's claims",
        blocks=(
            Block("", (Column("claim", "claim", is_text=True),)),
            Block("published", (
                Column("published_factor", "factor"),
                Column("published_quantity", "of", is_text=True),
                Column("published_pair", "which", is_text=True),
                Column("published_where", "where", is_text=True),
            )),
            *(measured or [Block("measured", columns)]),
        ),
        groups=(tuple(_row(claim, settings, measurements, attention, margin) for claim in claims),),
        remarks=(
            _INTERVALS.format(subject=paper.file.subject or "the first of the two models"),
            verdicts_explained(margin),
            MARKS_EXPLAINED,
            _PLACES,
        ),
    )  # fmt: skip


def _row(
    claim: Claim,
    settings: list[Setting],
    measurements: Measurements,
    attention: Mapping[Setting, Factor],
    margin: float,
) -> Row:
    stated = PublishedFactor.of_claim(claim.fields)
    published = (
        Cell(stated.text),
        Cell(claim.fields.of),
        Cell(claim.which),
        Cell(claim.fields.where),
    )
    name = (Cell(claim.fields.text),)
    if claim.subject.quantity in COUNTED_OF:
        counted = _judged(stated, counted_factor(claim.subject), margin)
        return Row((name, published, *([counted] * max(1, len(settings)))))
    if claim.subject.quantity == "accuracy":
        return Row((name, published, *([(_NOTHING_MEASURES_IT, NOTHING, NOTHING)] * max(1, len(settings)))))
    factors = (_factor(claim, setting, measurements, attention) for setting in settings)
    measured = [_judged(stated, factor, margin) for factor in factors]
    return Row((name, published, *(measured or [(_NOT_MEASURED, NOTHING, _NOT_MEASURED)])))


def _factor(claim: Claim, setting: Setting, measurements: Measurements, attention: Mapping[Setting, Factor]) -> Factor:
    if claim.subject.quantity == "latency":
        return latency_factor(claim.subject, setting, measurements)
    if claim.subject.quantity == "throughput":
        return throughput_factor(claim.subject, setting, measurements)
    to_do = f"bench attention --device {setting.device} measures it"
    return attention.get(setting) or Factor(replace(_NOT_MEASURED, notes=(to_do,)))


def _judged(published: PublishedFactor, factor: Factor, margin: float) -> tuple[Cell, Cell, Cell]:
    """The factor, what it is of the published one, and the verdict."""
    cell = factor.cell
    if cell.value is None:
        return cell, NOTHING, _NOT_COMPARABLE if cell.status == "not comparable" else _NOT_MEASURED
    low, high = (cell.value, cell.value) if factor.is_counted else (cell.low, cell.high)
    if low is None or high is None or not factor.is_the_papers:
        return cell, NOTHING, _NO_VERDICT
    if is_inconclusive(factor.pairs):
        return cell, NOTHING, _INCONCLUSIVE
    marks = marks_of(factor.pairs)
    verdict = judge(published, low, high, margin)
    words = verdict + (f" ({', '.join(marks)})" if marks else "")
    return cell, _to_published(published, cell.value, low, high), Cell(words, tone=tone_of(verdict))


def _to_published(published: PublishedFactor, value: float, low: float, high: float) -> Cell:
    """Of a published range there is only an interval."""
    if (ends := published.relative(low, high)) is None:
        return NOTHING
    if published.low == published.high:
        relative = value / published.low
        return Cell(ratio(relative) if low == high else ratio(relative, *ends), relative, *ends)
    return Cell(f"{ratio(ends[0])} to {ratio(ends[1])}", None, *ends)


def _has_any(claims: Sequence[Claim], setting: Setting, measurements: Measurements) -> bool:
    """Whether any model of a claim was tried in this setting."""
    models = {model for claim in claims for model in claim.subject.models}
    evidence = measurements.evidence
    found = (evidence.find(model.run_id, setting, resolution=model.resolution) for model in models)
    return any(one.run or one.failure for one in found) or any(
        evidence.throughputs_img_s(model.run_id, setting, resolution=model.resolution) for model in models
    )
