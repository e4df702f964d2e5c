"""Comparing stored runs: which belong together, what may differ, what is claimed."""

from __future__ import annotations

import pytest
from stored_lab import ROUNDS

from latency_bench.harness.comparing import compare_sets
from latency_bench.harness.store.errors import UnknownRunError
from latency_bench.harness.store.run_selection import select


def test_the_same_twice_shows_no_difference(lab):
    a, b = lab.add(), lab.add()
    (pair,) = lab.compare(a, b).pairs
    assert pair.comparison.verdict == "no difference shown"
    assert pair.comparison.rounds_a == ROUNDS


@pytest.mark.parametrize(("scale", "verdict"), [(1.2, "slower"), (0.8, "faster")])
def test_a_real_difference_is_claimed_with_its_size(lab, scale, verdict):
    a, b = lab.add(), lab.add(scale)
    (pair,) = lab.compare(a, b).pairs
    assert pair.comparison.verdict == verdict
    assert pair.comparison.low < scale < pair.comparison.high


def test_two_models_are_compared_as_what_they_are(lab):
    lab.add()
    lab.add(2.0, model="b2-seg", artifact__sha256="cd" * 32, model__resolution=[512, 512])
    (pair,) = lab.compare("local/b1-seg", "local/b2-seg").pairs
    assert pair.comparison.verdict == "slower"
    assert pair.differences.question == "model"
    assert pair.differences.obstacles == ()


def test_rounds_of_several_runs_are_pooled(lab):
    for _ in range(3):
        lab.add(rounds=3)
        lab.add(1.5, rounds=3, runtime__version="3.0")
    (pair,) = compare_sets(select(lab.store, "local"), select(lab.store, "b1-seg"), 0.03).pairs
    assert pair.comparison.rounds_a == 18


def test_two_differences_at_once_cannot_be_compared_unless_meant(lab):
    a = lab.add()
    b = lab.add(1.5, model__precision="fp16", runtime__version="9.9", artifact__sha256="cd" * 32)
    (pair,) = lab.compare(a, b).pairs
    assert pair.comparison.verdict == "cannot be compared"
    assert pair.differences.question == "precision"
    assert any("9.9" in text for text in pair.differences.obstacles)
    (meant,) = lab.compare(a, b, across=("precision", "runtime")).pairs
    assert meant.comparison.verdict == "slower"


def test_another_machine_of_the_same_name_is_named_and_compared_only_where_it_is_meant(lab):
    a = lab.add()
    b = lab.add(1.5, device__fingerprint={"linux": {"cpu": {"model": "Another CPU"}}})
    (pair,) = lab.compare(a, b).pairs
    assert pair.comparison.verdict == "cannot be compared"
    assert any("Another CPU" in text for text in pair.differences.obstacles)
    (meant,) = lab.compare(a, b, across=["device"]).pairs
    assert meant.comparison.verdict == "slower"
    assert any("Another CPU" in text for text in meant.differences.details)


def test_runs_of_one_side_that_differ_cannot_be_pooled(lab):
    lab.add(rounds=5)
    lab.add(rounds=5, runtime__version="9.9")
    lab.add(model="b2-seg")
    (pair,) = lab.compare("local/b1-seg", "local/b2-seg").pairs
    assert pair.comparison.verdict == "cannot be compared"
    assert any("among themselves" in text for text in pair.differences.obstacles)


def test_too_few_rounds_say_how_many_are_needed(lab):
    a, b = lab.add(rounds=3), lab.add(1.5, rounds=3)
    (pair,) = lab.compare(a, b).pairs
    assert pair.comparison.verdict == "too few rounds"
    assert pair.comparison.rounds_needed == 7


def test_stores_are_compared_case_by_case(lab, new_lab):
    other = new_lab("other")
    for scale, model in ((1.0, "b1-seg"), (1.0, "b2-seg"), (1.0, "only-here")):
        lab.add(scale, model=model)
    for scale, model in ((1.0, "b1-seg"), (1.3, "b2-seg"), (1.0, "only-there")):
        other.add(scale, model=model)
    compared = compare_sets(select(lab.store, str(lab.store)), select(lab.store, str(other.store)), 0.03)
    verdicts = {pair.a.runs[0].record.model.id: pair.comparison.verdict for pair in compared.pairs}
    assert verdicts == {"b1-seg": "no difference shown", "b2-seg": "slower"}
    assert all(pair.comparison.comparisons == 2 for pair in compared.pairs)
    assert "only-here" in compared.only_a[0]
    assert "only-there" in compared.only_b[0]


def test_nothing_meant_is_said(lab):
    lab.add()
    with pytest.raises(UnknownRunError, match="bench results ls"):
        select(lab.store, "local/nothing")
