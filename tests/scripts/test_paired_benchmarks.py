"""The steps of benchmarks/paired: each once, in order of worth, as far as the time goes, however the last one ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "paired"))

from measured_steps import Effort, Results, Step, measure_open
from slower_file import write_slower

EFFORT = Effort()


def benchmark(name: str, *steps: Step) -> SimpleNamespace:
    return SimpleNamespace(NAME=name, steps=lambda effort: list(steps), table=lambda results: "")


@pytest.fixture
def measured() -> list[str]:
    return []


@pytest.fixture
def step(measured: list[str]) -> Callable[..., Step]:
    def make(key: str, rank: float = 0, minutes: float = 1, fails: bool = False) -> Step:
        def measure() -> dict[str, float]:
            measured.append(key)
            if fails:
                raise RuntimeError("no such file")
            return {"ratio": 1.0}

        return Step(key, rank, minutes, measure)

    return make


def test_the_steps_of_all_benchmarks_are_measured_once_in_order_of_worth(step, measured, tmp_path):
    results = Results(tmp_path / "results.jsonl")
    both = [benchmark("a", step("a1", 0), step("a2", 2)), benchmark("b", step("b1", 1))]
    measure_open(both, EFFORT, results, 60)
    measure_open(both, EFFORT, results, 60)
    assert measured == ["a1", "b1", "a2"]
    assert [one["step"] for one in results.of("a")] == ["a1", "a2"]
    assert results.of("b")[0]["ratio"] == 1.0


def test_no_step_begins_that_would_take_longer_than_there_is_time(step, measured, tmp_path):
    measure_open([benchmark("a", step("long", 0, 9), step("short", 1, 1))], EFFORT, Results(tmp_path / "r"), 5)
    assert measured == ["short"]


def test_a_step_that_failed_is_measured_again_and_the_next_one_is_measured_too(step, measured, tmp_path):
    results = Results(tmp_path / "results.jsonl")
    measure_open([benchmark("a", step("first", 0, fails=True), step("second", 1))], EFFORT, results, 60)
    assert measured == ["first", "second"]
    assert "no such file" in results.of("a")[0]["error"]
    measure_open([benchmark("a", step("first", 0), step("second", 1))], EFFORT, results, 60)
    assert measured == ["first", "second", "first"]
    assert not any("error" in one for one in results.of("a"))


def test_a_line_that_was_cut_off_is_none_and_spoils_no_other(step, measured, tmp_path):
    results = Results(tmp_path / "results.jsonl")
    measure_open([benchmark("a", step("a1"))], EFFORT, results, 60)
    whole = results.path.read_bytes()
    results.path.write_bytes(whole + whole[:20])
    measure_open([benchmark("a", step("a1"), step("a2", 1))], EFFORT, results, 60)
    assert measured == ["a1", "a2"]
    assert [one["step"] for one in results.of("a")] == ["a1", "a2"]


def test_a_slower_file_computes_the_same_and_more(tmp_path):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    import numpy as np

    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 8, 8]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), str(tmp_path / "m.onnx"))
    slower = write_slower(tmp_path / "m.onnx", 7, tmp_path / "slower.onnx")
    onnx.checker.check_model(str(slower))
    image = np.random.RandomState(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    plain, more = (
        onnxruntime.InferenceSession(str(path)).run(None, {"x": image}) for path in (tmp_path / "m.onnx", slower)
    )
    assert np.array_equal(plain[0], more[0])
    assert more[1].shape == (1, 7, 1, 1)
