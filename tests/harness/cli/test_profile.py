"""`bench profile` on a real model, and what it says where a runtime cannot tell."""

from __future__ import annotations

import pytest

from harness.profiling import shares

TINY = ("--model", "b0-cls-r224", "--resolution", "64x64")


def test_times_are_a_request_and_shares_of_the_whole():
    layers = [
        {"name": "conv", "calls": 20, "total_ns": 30_000_000},
        {"name": "add", "calls": 10, "total_ns": 10_000_000},
    ]
    conv, add = shares(layers, 10)
    assert (conv.calls, conv.time_ms, conv.share) == (2, 3.0, 0.75)
    assert (add.calls, add.time_ms, add.share) == (1, 1.0, 0.25)


def test_operators_of_a_real_model(bench, tmp_path):
    chart = tmp_path / "profile.svg"
    done = bench("profile", *TINY, "--requests", "3", "--chart", str(chart), "--json")
    assert done.returncode == 0, done.stderr
    layers = done.json()
    assert sum(layer["share"] for layer in layers) == pytest.approx(1)
    times = [layer["time_ms"] for layer in layers]
    assert times == sorted(times, reverse=True)
    import torch

    from model_specs import load_spec

    module = load_spec("b0-cls-r224").build()
    convolutions = sum(isinstance(one, torch.nn.Conv2d) for one in module.modules())
    calls = {layer["name"]: layer["calls"] for layer in layers}
    assert calls["aten::conv2d"] == convolutions > 30
    assert "<svg" in chart.read_text()
    assert bench("results", "ls", "--json").json() == [], "a profile is no result"


def test_a_runtime_that_tells_nothing_is_a_wrong_request(bench):
    done = bench("profile", *TINY, "--runtime", "onnxruntime")
    assert done.returncode == 2
    assert "torch" in done.stderr
    assert "Traceback" not in done.stderr
