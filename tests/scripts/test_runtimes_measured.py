"""The pairs of scripts/runtimes_measured.py are ones that the program takes, and its page says what came of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from latency_bench.harness.cli.pair import pair
from latency_bench.harness.pairs.side_text import side_of
from latency_bench.harness.store.pair_record import parse_pair


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/runtimes_measured.py")


def test_every_runtime_and_precision_is_a_pair_that_parses(script: ModuleType) -> None:
    found = script.sides("b1-cls-r224", ["litert", "onnxruntime", "openvino", "torch-cuda"])
    assert ("openvino", "int8") in found
    assert ("onnxruntime", "int8-dynamic") in found
    assert ("onnxruntime", "fp32") not in found
    assert not [runtime for runtime, _ in found if runtime == "torch-cuda"]
    for model in script.MODELS:
        for runtime, precision in found:
            words = script.command(model, runtime, precision, 3.0, "store")
            with pair.make_context("pair", words[1:]) as context:
                first, second = (side_of(text, {}) for text in context.params["sides"])
            assert (first.runtime, first.precision) == ("onnxruntime", None)
            assert (second.runtime, second.precision) == (runtime, precision)
            assert first.resolution == second.resolution


PAIRS = Path(__file__).parents[2] / "results" / "xeon-avx512" / "_pairs"
EXAMPLE = min(PAIRS.glob("*/record.json"))


@pytest.fixture
def outcome(script: ModuleType) -> dict[str, Any]:
    told: dict[str, Any] = script.outcome_of(parse_pair(EXAMPLE.read_bytes()))
    return told


def test_what_is_kept_of_a_pair_is_text_and_numbers_of_its_second_side(outcome: dict[str, Any]) -> None:
    record = parse_pair(EXAMPLE.read_bytes())
    assert json.loads(json.dumps(outcome)) == outcome
    assert (outcome["ratio"], outcome["run_id"]) == (record.ratios[0].ratio, record.run_id)
    assert outcome["process_pairs"] == len(record.pairs)
    assert str(record.device.fingerprint["linux"]["cpu"]["model"]) in outcome["machine"]


METRICS = {"max_rel": 0.02, "cosine": 0.9999, "psnr_db": 31.26, "top1_agreement": 1.0}


def the_page(script: ModuleType, outcome: dict[str, Any], **changes: dict[str, Any]) -> list[str]:
    """Its lines, of one model and a runtime for each name."""
    cases = {("m", runtime, "int8"): {**outcome, "ratio": None, **changed} for runtime, changed in changes.items()}
    lines: list[str] = script.page(cases, "onnxruntime").splitlines()
    return lines


def row_of(lines: list[str], runtime: str) -> list[str]:
    """Cells of the last line of a runtime: that of its model's table."""
    return [line for line in lines if line.startswith(f"| {runtime} ")][-1].strip("| ").split(" | ")


def test_the_fastest_stands_first_and_is_marked_where_nothing_reaches_it(
    script: ModuleType, outcome: dict[str, Any]
) -> None:
    right = {"passed": True, "metrics": {"logits": METRICS}}
    fast = {"ratio": 0.5, "low": 0.49, "high": 0.51, "fidelity": right}
    slow = {**fast, "ratio": 0.9, "low": 0.52, "high": 0.95}
    lines = the_page(script, outcome, slow=slow, fast=fast)
    assert [row_of(lines, name)[2] for name in ("fast", "slow")] == [
        "**0.500 \\[0.490, 0.510\\]**",
        "0.900 \\[0.520, 0.950\\]",
    ]
    assert lines.index(next(line for line in lines[::-1] if line.startswith("| fast"))) < lines.index(
        next(line for line in lines[::-1] if line.startswith("| slow"))
    )
    assert row_of(lines, "fast")[4:9] == ["accepted", "2.0e-02", "0.99990", "31.3", "yes"]
    near = the_page(script, outcome, slow={**slow, "low": 0.51}, fast=fast)
    assert not [line for line in near if "**0.5" in line]
    # What was not judged is no winner, and hides none.
    unsure = {"passed": None, "metrics": {}, "reason": "hardly depend", "checks": [{"metrics": {"logits": METRICS}}]}
    lines = the_page(script, outcome, slow=slow, unsure={**fast, "fidelity": unsure, "layers": {"int8": 58}})
    assert row_of(lines, "unsure")[4:10] == ["not judged<sup>a</sup>", "2.0e-02", "0.99990", "31.3", "yes", "int8 58"]
    assert "- <sup>a</sup> hardly depend" in lines
    assert row_of(lines, "slow")[2].startswith("**")


def test_what_has_no_ratio_has_its_reason(script: ModuleType, outcome: dict[str, Any]) -> None:
    wrong = {"stage": "fidelity", "reason": "what ran does not compute the model: largest | error"}
    lines = the_page(script, outcome, wrong=wrong, broken={"stage": "export", "reason": "no such operator"})
    assert row_of(lines, "wrong")[2::2][:2] == ["–", "refused<sup>b</sup>"]
    assert row_of(lines, "broken")[2::2][:2] == ["–", "no such file<sup>a</sup>"]
    assert "- <sup>b</sup> what ran does not compute the model: largest \\| error" in lines
    assert next(line for line in lines if line.startswith("| wrong")).endswith("| refused |")


def test_the_page_brings_its_figure(script: ModuleType, outcome: dict[str, Any], tmp_path: Path) -> None:
    case = ("timm:m,resolution=8x8", "litert", "int8")
    script.write_page(tmp_path / "page.md", {case: outcome, (case[0], "mnn", "fp32"): {**outcome, "ratio": None}})
    assert f"]({script.FIGURE})" in (tmp_path / "page.md").read_text()
    drawn = (tmp_path / script.FIGURE).read_text()
    assert [word in drawn for word in ("m<", "8x8<", "litert int8<", "no ratio<")] == [True] * 4
    points = (tmp_path / script.FIGURE).with_suffix(".csv").read_text().splitlines()
    assert len(points) == 3
    assert f"{outcome['ratio']:.6f}"[:6] in points[1]


def test_the_committed_page_says_what_its_lines_say(script: ModuleType) -> None:
    kept = script.kept(script.PAGE.with_suffix(".jsonl"))
    # Lines that are measured anew stand at the end of the file.
    outcomes = script.in_order(dict(reversed(kept.items())))
    every = [(model, *side) for model in script.MODELS for side in script.sides(model, script.runtime_names())]
    assert list(outcomes) == every
    assert script.page(outcomes, script.REFERENCE) == script.PAGE.read_text(encoding="utf-8")
