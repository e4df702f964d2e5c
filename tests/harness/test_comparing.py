"""Comparing stored runs: which belong together, what may differ, what is claimed; and the gate."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from latency_bench.harness.cli.gate_reports import junit_xml, markdown_summary
from latency_bench.harness.comparing import compare_sets
from latency_bench.harness.regression import GatedCase, GateResult, run_gate
from latency_bench.harness.store.errors import UnknownRunError
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.run_selection import select
from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.writer import RunWriter

ROUNDS = 9


def _blocks(scale: float, seed: int, rounds: int = ROUNDS, spread: float = 0.005) -> list[StageSamples]:
    """Latencies of about 100 ms times `scale`, rounds that differ by `spread`."""
    random = np.random.default_rng(seed)
    blocks = []
    for index in range(rounds):
        level = 1e8 * scale * np.exp(random.normal(0, spread))
        latency = (level * np.exp(random.normal(0, 0.003, 40))).astype(np.int64)
        h2d = np.full_like(latency, 1_000_000)
        columns = {"start_ns": np.cumsum(latency) - latency, "latency_ns": latency}
        blocks.append(StageSamples.of(index, False, {**columns, "h2d_ns": h2d, "compute_ns": latency - h2d}))
    return blocks


class Lab:
    """A store that a test fills with runs."""

    def __init__(self, store: Path, make_record) -> None:
        self.store = store
        self._make_record = make_record
        self._count = 0

    def add(
        self, scale: float = 1.0, model: str = "b1-seg", device: str = "local", rounds: int = ROUNDS, **changes
    ) -> str:
        self._count += 1
        run_id = f"20261122T1015{self._count:02d}Z-{self._count:06x}"
        blocks = _blocks(scale, seed=self._count, rounds=rounds)
        content = self._make_record(blocks).model_dump()
        content["rounds"] = [{**one, "warmup_count": 0} for one in content["rounds"]]
        self._write(content, run_id, model, device, changes, blocks)
        return run_id

    def add_failed(self, model: str = "b1-seg") -> None:
        self._count += 1
        run_id = f"20261122T1015{self._count:02d}Z-{self._count:06x}"
        self._write(self._make_record(failed=True).model_dump(), run_id, model, "local", {}, None)

    def _write(self, content, run_id, model, device, changes, blocks) -> None:
        content["run_id"] = run_id
        content["model"]["id"], content["device"]["name"] = model, device
        for path, value in changes.items():
            *parents, last = path.split("__")
            part = content
            for parent in parents:
                part = part[parent]
            part[last] = value
        with RunWriter(self.store, device, model, run_id) as writer:
            if blocks is not None:
                writer.write_samples(blocks)
            writer.commit(RunRecord(**content))

    def compare(self, a: str, b: str, across=()):
        return compare_sets(select(self.store, a), select(self.store, b), 0.03, across)


@pytest.fixture
def new_lab(tmp_path, make_record):
    """new_lab("name"): an empty store of that name."""
    return lambda name: Lab(tmp_path / name, make_record)


@pytest.fixture
def lab(new_lab) -> Lab:
    return new_lab("store")


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


def test_the_gate_fails_on_a_clear_regression_alone(lab, new_lab):
    new = new_lab("new")
    cases = {"same": 1.0, "slower": 1.2, "faster": 0.8, "slightly": 1.01}
    for model, scale in cases.items():
        lab.add(model=model)
        new.add(scale, model=model)
    lab.add(model="gone")
    lab.add(model="broken")
    new.add_failed(model="broken")
    lab.add(model="few")
    new.add(2.0, model="few", rounds=3)
    result = run_gate(select(lab.store, str(lab.store)), select(new.store, str(new.store)), 0.03)
    outcomes = {case.name.split(",")[0].split()[0]: case.outcome for case in result.cases}
    assert outcomes == {
        "same": "pass", "slower": "regression", "faster": "pass", "slightly": "pass",
        "gone": "inconclusive", "broken": "regression", "few": "inconclusive",
    }  # fmt: skip


def test_the_gate_looks_at_the_latest_run_whatever_ran_before(lab, new_lab):
    lab.add()
    new = new_lab("new")
    new.add()
    new.add_failed()
    (failing,) = run_gate(select(lab.store, str(lab.store)), select(new.store, str(new.store)), 0.03).cases
    assert failing.outcome == "regression"
    assert "fails now" in failing.reason
    new.add()
    (mended,) = run_gate(select(lab.store, str(lab.store)), select(new.store, str(new.store)), 0.03).cases
    assert mended.outcome == "pass"


def test_reports_of_the_gate_carry_foreign_text_safely():
    nasty = "m|odel <b>*x*</b> \x1b[31m`rm`"
    result = GateResult(
        (
            GatedCase(nasty, "regression", nasty, 1.2),
            GatedCase("b", "inconclusive", "too few"),
            GatedCase("c", "pass", "fine", 1.0),
        )
    )
    suite = ElementTree.fromstring(junit_xml(result))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert suite[0].find("failure") is not None
    markdown = markdown_summary(result)
    row = next(line for line in markdown.splitlines() if "1.200" in line)
    assert row.replace("\\|", "").count("|") == 5
    assert "\x1b" not in markdown
    assert "<b>" not in markdown.replace("\\<", "")
