"""`bench pair` as a user runs it: real exports, two real runtimes, real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from latency_bench.harness.cli.pair import Share

TINY = ("--resolution", "64x64", "--max-minutes", "0.02")


def test_one_model_under_two_runtimes(bench):
    done = bench("pair", "b0-cls-r224@litert", "b0-cls-r224@onnxruntime,spin=false", *TINY, "--json")
    assert done.returncode == 0, done.stderr
    result = done.json()
    assert 0.01 < result["ratio"] < 100
    assert result["verdict"] in ("faster", "slower", "no difference shown", "cannot tell")
    assert result["process_pairs"] >= 1
    assert result["request_pairs"] >= 8
    assert result["seconds"] > 0
    assert [result[side]["runtime"] for side in ("a", "b")] == ["litert", "onnxruntime"]
    assert all(result[side]["fidelity"]["passed"] and result[side]["latency_ms"]["median"] > 0 for side in ("a", "b"))
    assert set(result["bias"]) == {"sides", "in_blocks"}
    record = json.loads((Path(result["path"]) / "record.json").read_text())
    assert (record["kind"], record["schema_version"]) == ("pair", 1)
    assert record["sides"][1]["runtime"]["options"]["spin"] is False

    listed = bench("results", "ls", "--pairs", "--json").json()
    assert [one["run_id"] for one in listed] == [result["run_id"]]
    lines = bench("results", "ls", "--pairs").stdout
    assert result["run_id"] in lines
    assert "b0-cls-r224 onnxruntime" in lines
    assert bench("results", "ls", "--json").json() == [], "a pair is no run of either model"
    shown = bench("results", "show")
    assert "B / A" in shown.stdout
    assert "spin False" in shown.stdout
    assert bench("results", "show", result["run_id"][-6:], "--json").json()["kind"] == "pair"
    assert bench("results", "verify").returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("b0-cls-r224",), "two sides"),
        (("b0-cls-r224", "b0-cls-r224@nothing"), "nothing"),
        (("b0-cls-r224", "no-such-model"), "no-such-model"),
        (("b0-cls-r224", "b0-cls-r224@litert,depth=3"), "depth"),
        (("b0-cls-r224", "missing.onnx"), "missing.onnx"),
        (("b0-cls-r224", "b0-cls-r224@litert,precision=fp17"), "fp17"),
    ],
)
def test_a_wrong_request_says_what_is_wrong_and_stores_nothing(bench, words, message, tmp_path):
    done = bench("pair", *words, *TINY)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.03", 0.03), ("0.5 %", 0.005)])
def test_a_share_is_a_percentage_or_a_fraction(text, share):
    assert Share().convert(text, None, None) == pytest.approx(share)


def test_run_and_compare_are_doors_to_the_same(bench, monkeypatch):
    run = ("run", "--model", "b0-cls-r224", "--resolution", "64x64", "--protocol", "quick", "--json")
    done = bench(*run, "--pair-with", "b0-cls-r224@onnxruntime", "--runtime", "no-such-runtime")
    assert done.returncode == 2
    assert "no-such-runtime" in done.stderr
    several = bench(*run, "--model", "b1-cls-r224", "--pair-with", "b0-cls-r224@onnxruntime")
    assert several.returncode == 2
    assert "bench pair" in several.stderr
    measured = bench("compare", "b0-cls-r224", "b0-cls-r224@nothing", "--measure")
    assert measured.returncode == 2
    assert "nothing" in measured.stderr
    assert bench("compare", "x", "y", "--measure", "--across", "system").returncode == 2
