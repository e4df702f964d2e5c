"""All claims as a table: what the paper says, what was measured, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from latency_bench.harness.identity.setting import Setting
from latency_bench.reports.claims.claim_verdicts import judge, judge_counted
from latency_bench.reports.claims.factors import attention_factors, counted_factor, latency_factor, throughput_factor
from latency_bench.reports.claims.subjects import Claim, claims
from latency_bench.reports.tables.measured_block import facts_of
from latency_bench.reports.tables.quantities import Measurements
from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table

if TYPE_CHECKING:
    import pandas as pd

_REMARKS = (
    "A factor above 1 is in favour of EfficientViT. Intervals are 95 %, from the rounds of both runs.",
    "holds: the factor is at least the published one as it is rounded there, or within 10 % of it with an interval "
    "that reaches it, and all of the interval is above 1. holds in direction: all of the interval is above 1. Without "
    "an interval the factor stands for it. Counted MACs hold from 3 % below the published factor.",
    "The paper's factors are of its own devices; a verdict here is of the device that heads the column.",
)
_NOT_MEASURED = Cell("not measured", status="not measured")
_NOT_COMPARABLE = Cell("not comparable", status="not comparable")


def build_claims(runs: pd.DataFrame, measurements: Measurements) -> Table:
    """The table of all claims: `runs` is where attention is looked for (its shapes are no models of the catalog)."""
    attention = attention_factors(runs)
    settings = [
        setting
        for setting in measurements.settings
        if setting in measurements.asked_for or setting in attention or _has_any(setting, measurements)
    ]
    columns = (Column("factor", "factor"), Column("verdict", "verdict", is_text=True))
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
        groups=(tuple(_row(claim, settings, measurements, attention) for claim in claims()),),
        remarks=_REMARKS,
    )  # fmt: skip


def _row(claim: Claim, settings: list[Setting], measurements: Measurements, attention: Mapping[Setting, Cell]) -> Row:
    published = (
        Cell(f"{claim.value}×"),
        Cell(claim.quantity),
        Cell(f"{claim.candidate} over {claim.baseline}"),
        Cell(claim.where),
    )
    if claim.subject.quantity == "macs":
        counted = _counted(claim)
        return Row(((Cell(claim.text),), published, *([counted] * max(1, len(settings)))))
    measured = [_judged(claim, _factor(claim, setting, measurements, attention)) for setting in settings]
    return Row(((Cell(claim.text),), published, *(measured or [(_NOT_MEASURED, _NOT_MEASURED)])))


def _counted(claim: Claim) -> tuple[Cell, Cell]:
    factor = counted_factor(claim.subject)
    return factor, _NOT_MEASURED if factor.value is None else Cell(judge_counted(claim.value, factor.value))


def _factor(claim: Claim, setting: Setting, measurements: Measurements, attention: Mapping[Setting, Cell]) -> Cell:
    if claim.subject.quantity == "latency":
        return latency_factor(claim.subject, setting, measurements)
    if claim.subject.quantity == "throughput":
        return throughput_factor(claim.subject, setting, measurements)
    to_do = f"bench attention --device {setting.device} measures it"
    return attention.get(setting) or replace(_NOT_MEASURED, notes=(to_do,))


def _judged(claim: Claim, factor: Cell) -> tuple[Cell, Cell]:
    if factor.value is None:
        return factor, _NOT_COMPARABLE if factor.status == "not comparable" else _NOT_MEASURED
    return factor, Cell(judge(claim.value, factor.value, factor.low, factor.high))


def _has_any(setting: Setting, measurements: Measurements) -> bool:
    """Whether any model of a claim was tried in this setting."""
    models = {model for claim in claims() for model in (claim.subject.baseline, claim.subject.candidate) if model}
    found = (measurements.evidence.find(model, setting) for model in models)
    return any(one.run or one.failure for one in found) or any(
        measurements.evidence.throughputs_img_s(model, setting) for model in models
    )
