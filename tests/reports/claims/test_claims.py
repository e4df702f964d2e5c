"""The paper's claims: what they compare, and when they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from latency_bench.model_specs.catalog import load_spec
from latency_bench.reports.claims.build import build_claims
from latency_bench.reports.claims.claim_verdicts import judge, judge_counted, printed_as
from latency_bench.reports.claims.subjects import SUBJECTS, Claim, claims
from latency_bench.reports.evidence import Evidence, settings
from latency_bench.reports.published.tables import number, published_row
from latency_bench.reports.tables.quantities import Measurements
from latency_bench.reports.tables.table import Cell, Table

Make = Callable[..., Any]


def table_of_claims(runs: Any) -> Table:
    return build_claims(runs, Measurements(Evidence(runs), tuple(settings(runs))))


def cells(table: Table, claim: str, block: int = -1) -> tuple[Cell, ...]:
    return next(row.cells[block] for row in table.rows if row.cells[0][0].text == claim)


def test_there_are_seventeen_and_each_has_its_subject() -> None:
    assert [claim.text for claim in claims()] == list(SUBJECTS)
    assert len(claims()) == 17


@pytest.mark.parametrize("claim", [one for one in claims() if one.subject.table], ids=lambda claim: claim.text)
def test_the_papers_own_tables_give_the_claimed_factor(claim: Claim) -> None:
    """So the two models and the column are the ones that are meant."""
    subject = claim.subject
    figures = []
    for model in (subject.baseline, subject.candidate):
        row = next(one for one in load_spec(model).published if one.table == subject.table)
        figures.append(number(published_row(row), subject.column))
    baseline, candidate = figures
    assert baseline is not None
    assert candidate is not None
    factor = candidate / baseline if subject.quantity == "throughput" else baseline / candidate
    assert factor == pytest.approx(float(claim.value), rel=0.025)


@pytest.mark.parametrize(("text", "least"), [("13.9", 13.85), ("13", 12.5), ("2.0", 1.95), ("3.3-4.5", 3.25)])
def test_a_printed_factor_stands_for_a_range(text: str, least: float) -> None:
    assert printed_as(text) == pytest.approx(least)


@pytest.mark.parametrize(
    ("factor", "low", "high", "verdict"),
    [
        (13.9, 13.8, 14.0, "holds"),
        (20.0, 19.0, 21.0, "holds"),
        (13.6, 13.3, 13.9, "holds"),
        (13.6, 13.5, 13.7, "holds in direction"),
        (5.0, 1.1, 30.0, "holds in direction"),
        (14.0, 0.9, 30.0, "does not hold"),
        (1.0, 0.9, 1.1, "does not hold"),
        (0.5, 0.4, 0.6, "does not hold"),
        (13.86, None, None, "holds"),
        (13.8, None, None, "holds in direction"),
        (1.0, None, None, "does not hold"),
    ],
)
def test_verdicts(factor: float, low: float | None, high: float | None, verdict: str) -> None:
    assert judge("13.9", factor, low, high) == verdict


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(5.2, "holds"), (5.0, "holds"), (4.9, "holds in direction"), (1.0, "does not hold"), (0.9, "does not hold")],
)
def test_verdicts_on_counted_macs(factor: float, verdict: str) -> None:
    assert judge_counted("5.2", factor) == verdict


def verdicts(table: Table) -> list[str]:
    """Of the first way of measuring, by claim."""
    return [row.cells[2][1].text for row in table.rows]


def test_latency_claims_are_the_ratio_of_two_runs(make_run: Make, table_of: Make) -> None:
    rounds = [1.0, 1.01, 1.02, 0.99, 0.98]
    runs = table_of(
        make_run("segformer-b5", [140 * one for one in rounds]), make_run("l1-seg", [10 * one for one in rounds])
    )
    table = table_of_claims(runs)
    factor, verdict = cells(table, "GPU latency reduction over SegFormer on Cityscapes")
    assert factor.value == pytest.approx(14.0, rel=0.01)
    assert factor.low is not None
    assert len(factor.runs) == 2
    assert verdict.text == "holds"
    factor, verdict = cells(table, "GPU latency reduction over SegNeXt on Cityscapes")
    assert (factor.text, verdict.text) == ("not measured", "not measured")
    assert {command.model for command in factor.commands} == {"segnext-l", "l2-seg"}
    assert "holds" in verdicts(table)


def test_a_network_of_our_own_design_is_said_to_be_one(make_run: Make, table_of: Make) -> None:
    table = table_of_claims(table_of(make_run("restormer-bsd100", [60.0]), make_run("sr-w0.75-bsd100", [10.0])))
    factor, _ = cells(table, "Super-resolution speed-up on BSD100")
    assert factor.value == pytest.approx(6.0)
    assert "the paper's network is not published: measured is our own design of its size" in factor.notes


def test_a_failed_side_is_named(make_run: Make, table_of: Make) -> None:
    table = table_of_claims(table_of(make_run("segformer-b5"), make_run("l1-seg", [10.0])))
    factor, verdict = cells(table, "GPU latency reduction over SegFormer on Cityscapes")
    assert (factor.text, verdict.text) == ("failed", "not measured")
    assert factor.notes == ("segformer-b5 failed in measure: the device has too little memory",)


def test_throughput_is_compared_at_the_papers_batch_or_says_which(make_run: Make, table_of: Make) -> None:
    at_1 = [make_run("sam-vit-h", [900.0]), make_run("sam-l2-box", [20.0])]
    factor, _ = cells(table_of_claims(table_of(*at_1)), "Throughput over SAM-ViT-H")
    assert factor.value == pytest.approx(45.0)
    assert "at batch 1; the paper's is 16" in factor.notes
    at_16 = [make_run("sam-vit-h", [15000.0], batch=16), make_run("sam-l2-box", [300.0], batch=16)]
    factor, verdict = cells(table_of_claims(table_of(*at_1, *at_16)), "Throughput over SAM-ViT-H")
    assert factor.value == pytest.approx(50.0)
    assert not any("at batch" in note for note in factor.notes)
    assert verdict.text == "holds"


def test_attention_is_judged_by_the_smallest_factor(make_run: Make, table_of: Make) -> None:
    rows = [
        make_run(f"attn-{form}-h{heads}-d16-n{tokens}", [ms, ms * 1.01, ms * 0.99], macs=macs)
        for form, heads, tokens, ms, macs in (
            ("softmax", 1, 1024, 8.0, 32e6),
            ("relu-linear", 64, 1024, 4.0, 33e6),
            ("softmax", 1, 4096, 24.0, 512e6),
            ("relu-linear", 240, 4096, 6.0, 500e6),
        )
    ]
    factor, verdict = cells(table_of_claims(table_of(*rows)), "ReLU linear attention over softmax attention")
    assert factor.text == "2.00× to 4.00×"
    assert "2 shapes, 1024 to 4096 tokens" in factor.notes[0]
    assert verdict.text == "holds in direction"


def test_claims_of_macs_need_no_run(table_of: Make) -> None:
    table = table_of_claims(table_of())
    factor, verdict = cells(table, "MACs saving over SegFormer on Cityscapes")
    assert factor.value == pytest.approx(949 / 74, rel=0.03)
    assert (factor.notes, verdict.text) == (("MACs, counted from the modules: the same on every device",), "holds")
    assert Counter(verdicts(table)) == {"not measured": 14, "holds": 3}
