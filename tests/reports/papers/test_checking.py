"""A paper against itself and against the models here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.reports.papers.catalog import find_paper, papers
from latency_bench.reports.papers.checking import check_paper
from latency_bench.reports.papers.printed_digits import Range

MakePaper = Callable[..., Path]


@pytest.mark.parametrize("name", papers())
def test_every_paper_that_ships_passes(name: str) -> None:
    checked = check_paper(find_paper(name))
    assert checked.problems == []
    assert not checked.unchecked, "timm is part of the development environment"


@pytest.mark.parametrize(
    ("name", "claims", "cells"),
    [
        ("segnext", {"Less computation than SegFormer-B2 on Cityscapes": "61.6 % less"}, {"SegNeXt-T": ("50.5", "56")}),
        ("iformer", {}, {"RepViT-M1.5": ("1.64", "1.54"), "iFormer-L": ("81.7", "81.9")}),
        ("efficientvit", {}, {}),
    ],
)
def test_what_a_paper_contradicts_itself_in_is_found(
    name: str, claims: dict[str, str], cells: dict[str, tuple[str, str]]
) -> None:
    checked = check_paper(find_paper(name))
    assert {one.claim.text: one.recomputed for one in checked.claims if one.agrees is False} == claims
    found = {one.row: (one.first.split()[-1], one.second.split()[-1]) for one in checked.contradictions}
    assert found == cells


def test_all_claims_of_the_default_paper_but_one_are_recomputed() -> None:
    checked = check_paper(find_paper("efficientvit"))
    assert [one.claim.quantity for one in checked.claims if one.agrees is None] == ["attention"]
    assert sum(one.agrees is True for one in checked.claims) == 19


def test_a_row_needs_a_model_or_a_reason(make_paper: MakePaper) -> None:
    without = {"      ConvNeXt-T: convnext-t-r224\n": ""}
    (problem,) = check_paper(find_paper(str(make_paper(without)))).problems
    assert "table.csv:2: the row 'ConvNeXt-T' has no model" in problem
    reason = {"claims:\n": "    absent: {ConvNeXt-T: not looked for}\nclaims:\n"}
    checked = check_paper(find_paper(str(make_paper({**without, **reason}))))
    assert checked.problems == []
    assert checked.absent == [("Table 1", "ConvNeXt-T", "not looked for")]


def test_a_model_that_nobody_has_and_a_count_that_is_off_are_problems(make_paper: MakePaper) -> None:
    wrong = {"Own-A: b1-cls-r224": "Own-A: b1-cls-r225"}
    (problem,) = check_paper(find_paper(str(make_paper(wrong)))).problems
    assert "did you mean b1-cls-" in problem
    off = {"Own-A: b1-cls-r224": "Own-A: b2-cls-r224"}
    (problem,) = check_paper(find_paper(str(make_paper(off)))).problems
    assert "0.52 G MACs are printed, and b2-cls-r224 has 1." in problem


@pytest.mark.parametrize(
    ("says", "factor", "agrees"),
    [
        ("factor", "3.9", True),
        ("factor", "3.8", False),
        ("factor", "3.5-4.5", True),
        ("less", "74", True),
        ("less", "40", False),
        ("share", "0.26", True),
        ("difference", "29", False),
    ],
)
def test_a_claim_is_held_against_its_cells(make_paper: MakePaper, says: str, factor: str, agrees: bool) -> None:
    changed = {'factor: "3.9"': f'factor: "{factor}", says: {says}'}
    (claim,) = check_paper(find_paper(str(make_paper(changed)))).claims
    assert claim.agrees is agrees


@given(st.floats(0.01, 1000), st.integers(0, 3))
def test_a_printed_number_may_be_any_that_is_rounded_to_it(value: float, decimals: int) -> None:
    printed = Range.of_text(f"{value:.{decimals}f}")
    assert printed.low <= value * (1 + 1e-12)
    assert value * (1 - 1e-12) <= printed.high


def test_the_command_tells_faults_of_papers_and_fails_for_those_of_folders(
    bench: Callable[..., Any], make_paper: MakePaper
) -> None:
    done = bench("papers", "check", "segnext", "iformer")
    assert done.returncode == 0, done.stderr
    for words in ("40 % less is claimed, the cells give 61.6 % less", "prints 1.64", "prints 81.9"):
        assert words in done.stdout
    wrong = bench("papers", "check", str(make_paper({"Own-A: b1-cls-r224": "Own-A: nobody"})))
    assert wrong.returncode == 1
    assert "there is no model called 'nobody'" in wrong.stdout
