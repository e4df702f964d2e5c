"""The paper's claims: what they compare, and what a measurement says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.reports.claims.build import build_claims
from latency_bench.reports.claims.subjects import claims_of
from latency_bench.reports.evidence import Evidence, settings
from latency_bench.reports.paired_ratios import PairedRatios, PairedSpeedUp
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.tables.quantities import Measurements
from latency_bench.reports.tables.table import Cell, Table

Make = Callable[..., Any]


def table_of_claims(runs: Any) -> Table:
    return build_claims(default_paper(), runs, Measurements(Evidence(runs), tuple(settings(runs))))


def cells(table: Table, claim: str, block: int = -1) -> tuple[Cell, ...]:
    return next(row.cells[block] for row in table.rows if row.cells[0][0].text == claim)


def test_there_are_eighteen_factors_and_two_directions_and_each_has_its_subject() -> None:
    claims = claims_of(default_paper())
    assert Counter(claim.fields.factor.startswith(">") for claim in claims) == {False: 18, True: 2}
    assert all(len(claim.subject.models) == (0 if claim.subject.quantity == "attention" else 2) for claim in claims)


def verdicts(table: Table) -> list[str]:
    """Of the first way of measuring, by claim."""
    return [row.cells[2][-1].text for row in table.rows]


def test_latency_claims_are_the_ratio_of_two_runs(make_run: Make, table_of: Make) -> None:
    rounds = [1.0, 1.01, 1.02, 0.99, 0.98]
    runs = table_of(
        make_run("segformer-b5", [140 * one for one in rounds]), make_run("l1-seg", [10 * one for one in rounds])
    )
    table = table_of_claims(runs)
    factor, _, verdict = cells(table, "GPU latency reduction over SegFormer on Cityscapes")
    assert factor.value == pytest.approx(14.0, rel=0.01)
    assert factor.low is not None
    assert len(factor.runs) == 2
    assert verdict.text == "reproduced (few rounds)"
    factor, _, verdict = cells(table, "GPU latency reduction over SegNeXt on Cityscapes")
    assert (factor.text, verdict.text) == ("not measured", "not measured")
    assert {command.model for command in factor.commands} == {"segnext-l", "l2-seg"}
    assert "reproduced" in verdicts(table)


def test_a_network_of_our_own_design_gets_no_verdict(make_run: Make, table_of: Make) -> None:
    rounds = [1.0, 1.01, 1.02, 0.99, 0.98]
    runs = table_of(
        make_run("restormer-bsd100", [54 * one for one in rounds]),
        make_run("sr-w0.75-bsd100", [10 * one for one in rounds]),
        make_run("bsrn-bsd100", [20 * one for one in rounds]),
        make_run("sr-w1.0-bsd100", [12 * one for one in rounds]),
    )
    table = table_of_claims(runs)
    for claim, expected in (
        ("Super-resolution speed-up on BSD100", 5.4),
        ("Super-resolution at the same or lower latency than the CNNs on BSD100", 20 / 12),
    ):
        factor, relative, verdict = cells(table, claim)
        assert factor.value == pytest.approx(expected, rel=0.01)
        assert factor.low is not None
        assert any("the paper's network is not published" in note for note in factor.notes)
        # The paper does not print the sizes of its networks, so ours is of none of them.
        assert not any("size" in note for note in factor.notes)
        assert (relative.text, verdict.text) == ("–", "no verdict")


@pytest.mark.parametrize(("rounds", "is_judged"), [(3, False), (4, True)])
def test_no_verdict_without_an_interval(make_run: Make, table_of: Make, rounds: int, is_judged: bool) -> None:
    scatter = [1.0, 1.01, 1.02, 0.99][:rounds]
    runs = table_of(
        make_run("segformer-b5", [139 * one for one in scatter]), make_run("l1-seg", [10 * one for one in scatter])
    )
    factor, relative, verdict = cells(table_of_claims(runs), "GPU latency reduction over SegFormer on Cityscapes")
    assert factor.value == pytest.approx(13.9)
    assert (factor.low is not None) == is_judged
    assert (relative.text != "–") == is_judged
    assert verdict.text == ("reproduced (few rounds)" if is_judged else "no verdict")


def test_what_weakens_the_evidence_stands_in_the_verdict(make_run: Make, table_of: Make) -> None:
    scatter = [1.0, 1.01, 1.02, 0.99, 1.005, 0.995, 0.985]
    enough, few = [30] * 7, [30] * 6 + [5]

    def verdict(**candidate: Any) -> str:
        runs = table_of(
            make_run("segnext-l", [62 * one for one in scatter], round_samples=enough),
            make_run("l2-seg", [10 * one for one in scatter], **{"round_samples": enough, **candidate}),
        )
        return cells(table_of_claims(runs), "GPU latency reduction over SegNeXt on Cityscapes")[-1].text

    assert verdict() == "reproduced"
    assert verdict(status="unstable") == "reproduced (unstable)"
    assert verdict(round_samples=few) == "reproduced (few requests)"
    assert verdict(conclusive="unknown") == "reproduced"
    assert verdict(conclusive="no").startswith("inconclusive")
    assert verdict(status="unstable", round_samples=few) == "reproduced (unstable, few requests)"


def test_a_factor_measured_as_a_pair_rests_on_the_pair(make_run: Make, table_of: Make) -> None:
    rows = [make_run("segformer-b5", [100.0], status="unstable"), make_run("l1-seg", [10.0])]
    baseline, candidate = map(CaseKey.of_row, rows)
    paired = PairedRatios({(candidate, baseline): PairedSpeedUp(13.9, 13.6, 14.2, "local/pair/1")})
    runs = table_of(*rows)
    table = build_claims(default_paper(), runs, Measurements(Evidence(runs), tuple(settings(runs)), paired=paired))
    factor, _, verdict = cells(table, "GPU latency reduction over SegFormer on Cityscapes")
    assert (factor.value, verdict.text) == (13.9, "reproduced")


def test_what_is_ruled_out_is_said_in_units_of_the_published_factor(make_run: Make, table_of: Make) -> None:
    scatter = [1.0, 1.01, 1.02, 0.99, 0.98]
    runs = table_of(
        make_run("segformer-b5", [139 * one for one in scatter]), make_run("l1-seg", [20 * one for one in scatter])
    )
    factor, relative, verdict = cells(table_of_claims(runs), "GPU latency reduction over SegFormer on Cityscapes")
    assert relative.value == pytest.approx(0.5)
    assert factor.low is not None
    assert factor.high is not None
    assert relative.low == pytest.approx(factor.low / 13.9)
    assert relative.high == pytest.approx(factor.high / 13.9)
    assert verdict.text.startswith("same direction, smaller")


def test_a_failed_side_is_named(make_run: Make, table_of: Make) -> None:
    table = table_of_claims(table_of(make_run("segformer-b5"), make_run("l1-seg", [10.0])))
    factor, _, verdict = cells(table, "GPU latency reduction over SegFormer on Cityscapes")
    assert (factor.text, verdict.text) == ("failed", "not measured")
    assert factor.notes == ("segformer-b5 failed in measure: the device has too little memory",)


def test_throughput_is_compared_at_the_papers_batch_or_says_which(make_run: Make, table_of: Make) -> None:
    at_1 = [make_run("sam-vit-h", [900.0]), make_run("sam-l2-box", [20.0])]
    factor, *_ = cells(table_of_claims(table_of(*at_1)), "Throughput over SAM-ViT-H")
    assert factor.value == pytest.approx(45.0)
    assert "at batch 1; the paper's is 16" in factor.notes
    at_16 = [
        make_run("sam-vit-h", [15000.0, 15100.0, 15200.0, 14900.0], batch=16),
        make_run("sam-l2-box", [300.0, 302.0, 304.0, 298.0], batch=16),
    ]
    factor, _, verdict = cells(table_of_claims(table_of(*at_1, *at_16)), "Throughput over SAM-ViT-H")
    assert factor.value == pytest.approx(50.0)
    assert not any("at batch" in note for note in factor.notes)
    assert verdict.text == "reproduced (few rounds)"


@pytest.mark.parametrize(
    ("rounds", "of_published", "expected"),
    [(3, "–", "no verdict"), (4, "0.436× to 1.24×", "same direction, size undecided (few rounds)")],
)
def test_attention_is_judged_by_all_of_its_shapes(
    make_run: Make, table_of: Make, rounds: int, of_published: str, expected: str
) -> None:
    """Two shapes, of which one lies below the published range and one inside of it."""
    scatter = [1.0, 1.01, 0.99, 1.0][:rounds]
    rows = [
        make_run(f"attn-{form}-h{heads}-d16-n{tokens}", [ms * one for one in scatter], macs=macs)
        for form, heads, tokens, ms, macs in (
            ("softmax", 1, 1024, 8.0, 32e6),
            ("relu-linear", 64, 1024, 4.0, 33e6),
            ("softmax", 1, 4096, 24.0, 512e6),
            ("relu-linear", 240, 4096, 6.0, 500e6),
        )
    ]
    factor, relative, verdict = cells(table_of_claims(table_of(*rows)), "ReLU linear attention over softmax attention")
    assert factor.text.startswith("2.00× to 4.00×")
    assert "2 shapes, 1024 to 4096 tokens" in factor.notes[0]
    assert ("too few rounds for an interval" in factor.notes) == (rounds < 4)
    assert (relative.text, verdict.text) == (of_published, expected)


def test_claims_of_macs_need_no_run(table_of: Make) -> None:
    table = table_of_claims(table_of())
    factor, relative, verdict = cells(table, "MACs saving over SegFormer on Cityscapes")
    assert factor.value == pytest.approx(949 / 74, rel=0.03)
    assert relative.value == pytest.approx(1.0, rel=0.03)
    assert (factor.notes, verdict.text) == (("MACs, counted from the modules: the same on every device",), "reproduced")
    factor, _, verdict = cells(table, "MACs reduction over SegNeXt-S on ADE20K")
    assert (factor.text, verdict.text) == ("1.72×", "reproduced")
    factor, relative, verdict = cells(table, "Fewer MACs than SegFormer-B1 on Cityscapes with higher mIoU")
    assert (factor.text, relative.text, verdict.text) == ("1.36×", "–", "reproduced")
    assert Counter(verdicts(table)) == {"not measured": 15, "reproduced": 5}


def test_the_margin_is_the_readers(table_of: Make) -> None:
    runs = table_of()
    table = build_claims(default_paper(), runs, Measurements(Evidence(runs), ()), margin=1.02)
    assert cells(table, "MACs reduction over SegNeXt-S on ADE20K")[-1].text == "same direction, smaller"
    assert any("×/÷ 1.02" in remark for remark in table.remarks)
