"""Files that a user brings: read as they are, refused in words where they cannot be measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from latency_bench.harness.errors import UsageError
from latency_bench.harness.model_file import open_model_file

onnx = pytest.importorskip("onnx")


def _save(path: Path, shape: list[int | str], dtype: int = onnx.TensorProto.FLOAT, name: str = "data/in:0") -> Path:
    """A graph that doubles its input."""
    value = onnx.helper.make_tensor_value_info(name, dtype, shape)
    result = onnx.helper.make_tensor_value_info("out", dtype, shape)
    graph = onnx.helper.make_graph([onnx.helper.make_node("Add", [name, name], ["out"])], "twice", [value], [result])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def test_an_onnx_file_becomes_a_spec_and_an_artifact(tmp_path):
    brought = open_model_file(_save(tmp_path / "My Model (v2).onnx", [4, 3, 8, 8]), "onnx")
    assert brought.spec.id == "file-my-model-v2"
    assert brought.batch == 4
    assert brought.spec.inputs[0].shape == (3, 8, 8)
    assert brought.spec.inputs[0].name == "data_in_0"
    assert brought.artifact.inputs[0].name == "data/in:0"
    assert brought.artifact.reference is None
    assert len(brought.artifact.sha256) == 64


def _save_beside(path: Path, location: str) -> Path:
    """As `_save`, with a weight in a file of its own."""
    import numpy as np

    model = onnx.load(str(_save(path, [1, 3, 8, 8])))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(400, np.float32), "unused"))
    onnx.save(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    path.write_bytes(path.read_bytes().replace(b"weights.bin", location.encode()))
    return path


def test_weights_beside_the_file_come_with_it(tmp_path):
    path = _save_beside(tmp_path / "m.onnx", "weights.bin")
    artifact = open_model_file(path, "onnx").artifact
    assert [file.name for file in artifact.external_data] == ["weights.bin"]
    assert artifact.size_bytes == path.stat().st_size + 1600


@pytest.mark.parametrize("location", ["../weights1", "missing.bin"])
def test_weights_that_are_elsewhere_are_refused(tmp_path, location):
    with pytest.raises(UsageError, match="no file beside it"):
        open_model_file(_save_beside(tmp_path / "m.onnx", location), "onnx")


def test_an_open_batch_becomes_one(tmp_path):
    assert open_model_file(_save(tmp_path / "m.onnx", ["N", 3, 8, 8]), "onnx").batch == 1


@pytest.mark.parametrize(
    ("shape", "dtype", "words"),
    [
        ([1, 3, "H", "W"], onnx.TensorProto.FLOAT, "leaves sizes open"),
        ([3], onnx.TensorProto.FLOAT, "no batch dimension"),
        ([1, 3], onnx.TensorProto.DOUBLE, "is float64"),
    ],
)
def test_what_cannot_be_fed_is_refused(tmp_path, shape, dtype, words):
    with pytest.raises(UsageError, match=words):
        open_model_file(_save(tmp_path / "m.onnx", shape, dtype), "onnx")


@pytest.mark.parametrize("format_", ["onnx", "tflite"])
def test_a_file_that_is_no_model_is_refused(tmp_path, format_):
    path = tmp_path / f"noise.{format_}"
    path.write_bytes(b"not a model at all, whatever its name says" * 10)
    with pytest.raises(UsageError, match="noise"):
        open_model_file(path, format_)
    with pytest.raises(UsageError, match="cannot be read"):
        open_model_file(tmp_path / f"missing.{format_}", format_)
