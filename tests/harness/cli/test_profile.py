"""`bench profile` on a real model, and what it says where a runtime cannot tell."""

from __future__ import annotations

import json

import pytest

from latency_bench.harness.statistics.layer_shares import by_operator, layer_shares
from latency_bench.model_specs.building import build_module

TINY = ("--model", "b0-cls-r224", "--resolution", "64x64")


LAYERS = [
    {"name": "stem", "operator": "conv", "calls": 20, "total_ns": 30_000_000},
    {"name": "sum", "operator": "add", "calls": 10, "total_ns": 8_000_000},
    {"name": "head", "operator": "conv", "calls": 10, "total_ns": 2_000_000},
]


def test_times_are_a_request_and_shares_of_the_whole():
    stem, add, _ = layer_shares(LAYERS, 10)
    assert (stem.name, stem.operator, stem.calls, stem.time_ms, stem.share) == ("stem", "conv", 2, 3.0, 0.75)
    assert (add.calls, add.time_ms, add.share) == (1, 0.8, 0.2)


def test_layers_that_do_the_same_are_one_row():
    conv, add = by_operator(layer_shares(LAYERS, 10))
    assert (conv.name, conv.calls, conv.time_ms, conv.share) == ("conv", 3, 3.2, 0.8)
    assert add.name == "add"


@pytest.mark.slow
def test_operators_of_a_real_model(bench, tmp_path):
    chart = tmp_path / "profile.svg"
    done = bench("profile", *TINY, "--runtime", "torch", "--requests", "3", "--chart", str(chart), "--json")
    assert done.returncode == 0, done.stderr
    layers = done.json()
    _check(layers)
    assert {layer["name"]: layer["calls"] for layer in layers}["aten::conv2d"] == _convolutions() > 30
    assert "<svg" in chart.read_text()
    assert bench("results", "ls", "--json").json() == [], "a profile is no result"


def test_nodes_of_onnxruntime(bench):
    done = bench("profile", *TINY, "--runtime", "onnxruntime", "--requests", "3", "--json")
    assert done.returncode == 0, done.stderr
    layers = done.json()
    _check(layers)
    assert {layer["calls"] for layer in layers} == {1}
    # Fused and laid out for this processor, a convolution is still one.
    assert sum("Conv" in layer["operator"] for layer in layers) == _convolutions()
    done = bench("profile", *TINY, "--runtime", "onnxruntime", "--requests", "3", "--by-operator", "--json")
    grouped = done.json()
    _check(grouped)
    assert sum(row["calls"] for row in grouped if "Conv" in row["operator"]) == _convolutions()


def test_a_runtime_that_tells_nothing_is_a_wrong_request(bench):
    done = bench("profile", *TINY, "--runtime", "nothing")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_runner_without_times_of_layers_is_told_before_anything_is_exported(bench, tmp_path):
    device = {"runner": "trtexec", "runtime": "tensorrt"}
    (tmp_path / "devices.yaml").write_text(json.dumps({"devices": {"there": device}}))
    done = bench("profile", "--device", "there", *TINY, env={"BENCH_DEVICES": str(tmp_path / "devices.yaml")})
    assert done.returncode == 2
    assert "does not report times of layers" in done.stderr
    assert "exporting" not in done.stderr


def _check(layers):
    assert sum(layer["share"] for layer in layers) == pytest.approx(1)
    times = [layer["time_ms"] for layer in layers]
    assert times == sorted(times, reverse=True)
    assert times[0] > 0


def _convolutions():
    import torch

    from latency_bench.model_specs import load_spec

    return sum(isinstance(one, torch.nn.Conv2d) for one in build_module(load_spec("b0-cls-r224")).modules())
