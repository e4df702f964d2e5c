"""Inputs for the tool as files, its outputs as arrays: byte by byte what the worker feeds and gives elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.base import RoundJob
from latency_bench.devices.runners.benchmark_model_outputs import (
    fetch_outputs,
    given_inputs,
    shape_flags,
    why_no_outputs,
)
from latency_bench.devices.runners.benchmark_model_tool import Tool
from latency_bench.devices.transports.local import LocalTransport

IMAGE = {
    "name": "image", "shape": [1, 3, 4, 5], "dtype": "float32", "layout": "NHWC",
    "low": 0.0, "high": 1.0, "distribution": "normal", "seed": 7,
}  # fmt: skip
EXTRA = {**IMAGE, "name": "extra", "shape": [1, 6], "dtype": "int64", "layout": "NCHW", "high": 9.0, "seed": 8}
EXTRA["distribution"] = "uniform"
LOGITS = {"name": "logits", "shape": [1, 2, 3], "dtype": "float32"}
CLASSES = {"name": "classes", "shape": [1, 5], "dtype": "int64"}
FLAGS = frozenset({"input_layer", "input_layer_shape", "input_layer_value_files", "output_filepath"})


@pytest.fixture
def transport() -> Iterator[LocalTransport]:
    opened = LocalTransport()
    yield opened
    opened.close()


def test_the_tool_is_given_the_bytes_that_the_worker_feeds(transport: LocalTransport) -> None:
    with given_inputs(transport, [IMAGE, EXTRA]) as arguments:
        named = dict(word[2:].split("=", 1) for word in arguments)
        files = dict(entry.split(":", 1) for entry in named["input_layer_value_files"].split(","))
        contents = {name: Path(path).read_bytes() for name, path in files.items()}
    assert (named["input_layer"], named["input_layer_shape"]) == ("image,extra", "1,4,5,3:1,6")
    for entry in (IMAGE, EXTRA):
        values = generate(InputTensor(**{**entry, "shape": tuple(entry["shape"])}))
        wanted = values.transpose(0, 2, 3, 1) if entry["layout"] == "NHWC" else values
        assert contents[entry["name"]] == wanted.tobytes()


def test_outputs_come_back_under_their_names(transport: LocalTransport, tmp_path: Path) -> None:
    logits, classes = np.arange(6, dtype=np.float32).reshape(1, 2, 3), np.arange(5).reshape(1, 5)
    (tmp_path / "raw").write_bytes(logits.tobytes() + classes.tobytes())
    fetch_outputs(transport, str(tmp_path / "raw"), [LOGITS, CLASSES], tmp_path / "outputs.npz")
    with np.load(tmp_path / "outputs.npz", allow_pickle=False) as file:
        assert file.files == ["logits", "classes"]
        np.testing.assert_array_equal(file["logits"], logits)
        np.testing.assert_array_equal(file["classes"], classes)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=100))
def test_a_file_of_another_size_is_an_error(transport: LocalTransport, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "raw").write_bytes(content)
    if len(content) == 64:
        fetch_outputs(transport, str(tmp_path / "raw"), [LOGITS, CLASSES], tmp_path / "outputs.npz")
        return
    with pytest.raises(WorkerError, match=f"wrote {len(content)} bytes of outputs, the model has 64"):
        fetch_outputs(transport, str(tmp_path / "raw"), [LOGITS, CLASSES], tmp_path / "outputs.npz")
    (tmp_path / "outputs.npz").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("change", "flags", "options", "reason"),
    [
        ({}, FLAGS, {}, None),
        ({"outputs": ()}, FLAGS, {}, "nothing is known"),
        ({}, FLAGS - {"output_filepath"}, {}, "gives no outputs"),
        ({"runtime": "litert-gpu"}, FLAGS, {}, None),
        ({"runtime": "litert-gpu"}, FLAGS, {"allow_fp16": True}, "half precision"),
        ({"inputs": [{**IMAGE, "name": "a,b:c"}]}, FLAGS, {}, "inputs of these names"),
    ],
)
def test_where_there_are_no_outputs_there_is_a_reason(
    change: dict[str, object], flags: frozenset[str], options: dict[str, object], reason: str | None
) -> None:
    fields: dict[str, object] = {
        "runtime": "litert",
        "runtime_options": {},
        "inputs": [IMAGE],
        "warmup": {},
        "sampling": {},
        "cpus": None,
        "outputs": (LOGITS,),
        **change,
    }
    said = why_no_outputs(
        Tool("/tool", "0" * 64, flags),
        RoundJob(**fields),  # type: ignore[arg-type]
        {"allow_fp16": False, **options},
    )
    assert (said is None) if reason is None else (said is not None and reason in said)


def test_open_sizes_are_told_to_the_tool_and_nothing_where_there_are_none() -> None:
    inputs = [{**IMAGE, "layout": "NCHW"}, EXTRA]
    request = RoundJob("tflite", {}, inputs, {}, {}, None, resized_inputs=("image",))
    tool = Tool("benchmark_model", "0" * 64, FLAGS)
    assert shape_flags(tool, request) == ["--input_layer=image,extra", "--input_layer_shape=1,3,4,5:1,6"]
    assert shape_flags(tool, RoundJob("tflite", {}, inputs, {}, {}, None)) == []
    with pytest.raises(WorkerError, match="cannot be told sizes"):
        shape_flags(Tool("benchmark_model", "0" * 64, frozenset()), request)
