"""`bench run --runtime all`: every runtime that is here, one ranking, and why the others are not in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from bench_worker.runtimes import runtime_class, runtime_names
from tests.conftest import Bench
from tests.harness.pairs.conftest import save_convolutions

MODEL = ("--model", "b0-cls-r224", "--resolution", "64x64")
FAST = """\
name: fast
rounds: 1
campaign_rounds: 4
warmup: {min_count: 3, max_count: 30, min_s: 0.02, max_s: 0.5, window: 0}
sampling: {min_count: 20, max_count: 30, min_s: 0.05, max_s: 5, relative_interval: null}
"""
HERE = {"executorch", "litert", "mnn", "ncnn", "onnxruntime", "openvino", "torch"}


@pytest.fixture
def protocol(tmp_path: Path) -> str:
    path = tmp_path / "fast.yaml"
    path.write_text(FAST)
    return str(path)


@pytest.fixture
def file_words(tmp_path: Path) -> tuple[str, ...]:
    """A small ONNX file, and what its outputs have to be: nothing has to be exported."""
    path = save_convolutions(tmp_path / "mine.onnx", layers=3)
    image = generate(InputTensor("image", (1, 3, 48, 48), "float32", "NCHW", "normal", 0.0, 1.0, 0))
    np.save(tmp_path / "image.npy", image)
    (output,) = onnxruntime.InferenceSession(str(path)).run(None, {"image": image})
    np.savez(tmp_path / "right.npz", map2=output)
    return ("--onnx", "mine.onnx", "--input", "image=image.npy", "--reference", "right.npz")


def test_what_loads_a_file_is_ranked_and_the_others_say_why_not(
    bench: Bench, protocol: str, file_words: tuple[str, ...]
) -> None:
    ran = bench("run", *file_words, "--runtime", "all", "--protocol", protocol, "--json", timeout_s=1200)
    assert ran.returncode == 0, ran.stderr
    document = ran.json()
    ranked = document["ranking"]
    assert {one["runtime"] for one in ranked} == {"onnxruntime", "openvino"}
    assert not document["refused"]
    assert all(one["fidelity"]["passed"] for one in ranked)
    assert [one["place"] for one in ranked] in ([1, 1], [1, 2])
    fastest, second = ranked
    assert fastest["latency_ms"]["median"] <= second["latency_ms"]["median"]
    assert fastest["against_fastest"] is None
    against = second["against_fastest"]
    assert against["low"] <= against["ratio"] <= against["high"]
    assert (second["place"] == 2) == (against["low"] > 1)
    assert set(document["left_out"]) == set(runtime_names()) - {"onnxruntime", "openvino"}
    assert "loads tflite files, not mine.onnx" in document["left_out"]["litert"]
    assert all("\n" not in reason for reason in document["left_out"].values())
    # Their rounds took turns.
    records = [json.loads((Path(one["path"]) / "record.json").read_text()) for one in ranked]
    positions = [{entry["order_position"] for entry in record["rounds"]} for record in records]
    assert set.union(*positions) == set(range(8))
    assert all({position // 2 for position in of_run} == {0, 1, 2, 3} for of_run in positions)


def test_the_table_has_places_ratios_and_verdicts(bench: Bench, protocol: str, file_words: tuple[str, ...]) -> None:
    words = ("--runtime", "all", "--protocol", protocol, "--rounds", "1")
    ran = bench("run", *file_words, *words, timeout_s=1200)
    assert ran.returncode == 0, ran.stderr
    for name in ("onnxruntime", "openvino"):
        (line,) = [line for line in ran.stdout.splitlines() if f" {name} " in line and " ms " in line]
        assert line.split()[:2] == ["1", "="]
        assert "passed: map2 within" in line
    assert "to the fastest" in ran.stdout
    assert "1 round are too few" not in ran.stdout
    assert "1 round is too few to tell two runtimes apart: ask for --rounds 4 or more" in ran.stdout
    (left_out,) = [line for line in ran.stdout.splitlines() if line.split()[:1] == ["torch"]]
    assert "loads pt2 files" in left_out


def test_it_ranks_one_model(bench: Bench) -> None:
    ran = bench("run", *MODEL, "--model", "b1-cls-r224", "--runtime", "all")
    assert ran.returncode == 2
    assert "--runtime all ranks the runtimes of one model" in ran.stderr


@pytest.mark.slow
def test_a_model_is_ranked_on_all_that_are_installed(bench: Bench, protocol: str) -> None:
    ran = bench("run", *MODEL, "--runtime", "all", "--protocol", protocol, "--json", timeout_s=3000)
    assert ran.returncode == 0, ran.stderr
    document = ran.json()
    ranked = document["ranking"]
    assert {one["runtime"] for one in ranked} >= HERE
    assert all(one["fidelity"]["passed"] for one in ranked)
    places = [one["place"] for one in ranked]
    assert places[0] == 1
    assert places == sorted(places)
    for name, reason in document["left_out"].items():
        assert "not installed" in reason or runtime_class(name).ON_GPU
