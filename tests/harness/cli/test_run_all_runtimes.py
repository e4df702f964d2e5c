"""`bench run --runtime all`: every runtime that is here, one ranking, and why the others are not in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench_worker.runtimes import runtime_class, runtime_names
from tests.conftest import Bench

MODEL = ("--model", "b0-cls-r224", "--resolution", "32x32")
FAST = """\
name: fast
rounds: 1
campaign_rounds: 4
warmup: {min_count: 3, max_count: 30, min_s: 0.02, max_s: 0.5, window: 0}
sampling: {min_count: 20, max_count: 30, min_s: 0.05, max_s: 5, relative_interval: null}
"""
HERE = {"litert", "onnxruntime", "openvino", "torch"}


@pytest.fixture
def protocol(tmp_path: Path) -> str:
    path = tmp_path / "fast.yaml"
    path.write_text(FAST)
    return str(path)


def test_all_that_are_installed_are_ranked_and_the_others_say_why_not(bench: Bench, protocol: str) -> None:
    ran = bench("run", *MODEL, "--runtime", "all", "--protocol", protocol, "--json")
    assert ran.returncode == 0, ran.stderr
    document = ran.json()
    ranked = document["ranking"]
    assert {one["runtime"]["name"] for one in ranked} >= HERE
    assert not document["refused"]
    assert all(one["fidelity"]["passed"] for one in ranked)
    places = [one["place"] for one in ranked]
    assert places[0] == 1
    assert places == sorted(places)
    medians = [one["latency"]["median_ms"] for one in ranked]
    assert medians == sorted(medians)
    assert ranked[0]["against_fastest"] is None
    for one in ranked[1:]:
        against = one["against_fastest"]
        assert against["low"] <= against["ratio"] <= against["high"]
    assert set(document["left_out"]) == set(runtime_names()) - {one["runtime"]["name"] for one in ranked}
    for name, reason in document["left_out"].items():
        assert "\n" not in reason
        assert "not installed" in reason or runtime_class(name).ON_GPU
    # Their rounds took turns.
    orders = [
        [entry["position"] for entry in json.loads((Path(one["path"]) / "record.json").read_text())["rounds"]]
        for one in ranked
    ]
    assert sorted(position for order in orders for position in order) == list(range(4 * len(ranked)))
    assert all(len({position // len(ranked) for position in order}) == 4 for order in orders)


def test_the_table_has_places_ratios_and_every_verdict(bench: Bench, protocol: str) -> None:
    ran = bench("run", *MODEL, "--runtime", "all", "--precision", "int8", "--protocol", protocol)
    assert ran.returncode == 0, ran.stderr
    for name in ("litert", "onnxruntime", "openvino"):
        (line,) = [line for line in ran.stdout.splitlines() if f" {name} " in f" {line} " and " ms " in f"{line} "]
        assert "passed: logits within" in line
    assert "to the fastest" in ran.stdout
    (left_out,) = [line for line in ran.stdout.splitlines() if line.split()[:1] == ["torch"]]
    assert "takes --precision fp32, fp16, bf16; not int8" in left_out


def test_it_ranks_one_model(bench: Bench) -> None:
    ran = bench("run", *MODEL, "--model", "b1-cls-r224", "--runtime", "all")
    assert ran.returncode == 2
    assert "--runtime all ranks the runtimes of one model" in ran.stderr


def test_an_option_that_only_one_runtime_has_leaves_the_others_out(bench: Bench, protocol: str) -> None:
    words = ("--runtime", "all", "--runtime-option", "spin=false", "--protocol", protocol, "--rounds", "1", "--json")
    ran = bench("run", *MODEL, *words)
    assert ran.returncode == 0, ran.stderr
    assert [one["runtime"]["name"] for one in ran.json()["ranking"]] == ["onnxruntime"]
    assert "litert has no such option" in ran.json()["left_out"]["litert"]
