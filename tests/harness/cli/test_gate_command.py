"""`bench gate` as a CI job runs it, on stored runs: answers, exit codes, budgets and reports."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from latency_bench.harness.cli.gate_reports import junit_xml, markdown_summary
from latency_bench.harness.cli.main import bench as command
from latency_bench.harness.gating.gate_result import GatedCase, GateResult


@pytest.fixture
def gate(lab, new_lab, own_cache):
    """gate(*arguments): the exit code and what was printed, of the store `new` against the store `lab`."""
    new = new_lab("new")

    def run(*arguments: str, baseline: bool = True):
        words = ["gate", *([str(lab.store)] if baseline else []), "--store", str(new.store), *arguments]
        done = CliRunner().invoke(command, words, standalone_mode=False)
        return done.return_value if done.exception is None else done.exception, done.stdout

    run.new = new
    return run


@pytest.mark.parametrize(
    ("scale", "spread", "answer", "code", "strict_code"),
    [(1.0, 0.005, "fine", 0, 0), (1.2, 0.005, "worse", 1, 1), (1.05, 0.1, "cannot tell", 0, 3)],
)
def test_three_answers_and_their_exit_codes(lab, gate, tmp_path, scale, spread, answer, code, strict_code):
    lab.add(spread=spread)
    gate.new.add(scale, spread=spread)
    found, printed = gate("--json")
    assert found == code
    result = json.loads(printed)
    assert result["answer"] == answer
    assert result[answer.replace(" ", "_")] == 1
    assert {"baseline", "candidate", "ratio", "low", "high", "detectable"} <= set(result["cases"][0])
    reports = ("--junit", str(tmp_path / "gate.xml"), "--markdown", str(tmp_path / "gate.md"))
    found, printed = gate("--strict", *reports)
    assert found == strict_code
    assert printed.startswith(answer)
    assert f"**{answer}**" in (markdown := (tmp_path / "gate.md").read_text()) or f"| {answer} |" in markdown
    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert suite.get("failures") == str(int(strict_code != 0))
    assert f"{answer}: " in suite[0].findtext("system-out")


@pytest.mark.parametrize(
    ("limits", "answer"),
    [
        (("--max-ratio", "1.5"), "fine"),
        (("--max-ratio", "0.9"), "worse"),
        (("--threshold", "30"), "fine"),
        (("--threshold", "1"), "worse"),
    ],
)
def test_the_limit_of_the_ratio_can_be_set(lab, gate, limits, answer):
    lab.add()
    gate.new.add(1.2)
    _, printed = gate(*limits, "--json")
    assert json.loads(printed)["answer"] == answer


@pytest.mark.parametrize(
    ("budget", "answers"),
    [
        (("--max-ms", "120"), ["fine"]),
        (("--max-ms", "80"), ["worse"]),
        (("--max-ms", "100"), ["cannot tell"]),
        (("--max-mb", "900"), ["fine"]),
        (("--max-mb", "700"), ["worse"]),
        (("--max-ms", "120", "--max-mb", "700"), ["fine", "worse"]),
    ],
)
def test_budgets_need_no_baseline(gate, budget, answers):
    gate.new.add(spread=0.02)
    code, printed = gate(*budget, "--json", baseline=False)
    assert [case["answer"] for case in json.loads(printed)["cases"]] == answers
    assert code == int("worse" in answers)


def test_a_disturbed_run_keeps_no_budget(gate):
    gate.new.add(status="unstable")
    assert json.loads(gate("--max-ms", "200", "--json", baseline=False)[1])["answer"] == "cannot tell"


@pytest.mark.parametrize("case", ["no baseline and no budget", "nothing besides the baseline"])
def test_a_gate_without_anything_to_judge_is_a_wrong_request(lab, gate, case):
    lab.add()
    gate.new.add()
    arguments = () if case.startswith("no ") else (str(gate.new.store),)
    error, _ = gate(*arguments, baseline=False)
    from latency_bench.harness.cli.failures import WRONG_REQUEST, exit_code_of

    assert exit_code_of(error) == WRONG_REQUEST


def test_reports_carry_foreign_text_safely():
    nasty = "m|odel <b>*x*</b> \x1b[31m`rm`"
    result = GateResult(
        (
            GatedCase(nasty, "worse", nasty, nasty, nasty, 1.2),
            GatedCase("b", "cannot tell", "too few"),
            GatedCase("c", "fine", "shown", "", "", 1.0),
        )
    )
    suite = ElementTree.fromstring(junit_xml(result))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert suite[0].find("failure") is not None
    strict = ElementTree.fromstring(junit_xml(result, strict=True))
    assert (strict.get("failures"), strict.get("skipped")) == ("2", "0")
    markdown = markdown_summary(result)
    row = next(line for line in markdown.splitlines() if "1.200" in line)
    assert row.replace("\\|", "").count("|") == 6
    assert "\x1b" not in markdown
    assert "<b>" not in markdown.replace("\\<", "")


def test_a_baseline_that_is_nothing_is_told_as_such(bench):
    done = bench("gate", "nowhere")
    assert done.returncode == 2
    assert "'nowhere' is neither a folder nor a device or model with runs" in done.stderr
