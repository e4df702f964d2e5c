"""Weights in files of their own are found wherever a model may name them, and looked at before anything is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latency_bench.harness.errors import UsageError
from latency_bench.harness.model_file.open_file import open_model_file

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402 - needs onnx
from onnx_files import save, value  # noqa: E402

from bench_worker.libraries.onnx_external_data import external_files  # noqa: E402

pytestmark = pytest.mark.usefixtures("own_cache")
COUNT = 300
LOCATION = "weights.bin"


def outside(name: str, array: np.ndarray, offset: int = 0, length: int | None = None) -> onnx.TensorProto:
    """A constant in LOCATION, whose values are not in the model."""
    tensor = onnx.numpy_helper.from_array(array, name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entries = {"location": LOCATION, "offset": offset, "length": array.nbytes if length is None else length}
    for key, text in entries.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(text)
    return tensor


def weights(fill: float = 1.0) -> np.ndarray:
    return np.full(COUNT, fill, np.float32)


def initializer(path: Path, tensor: onnx.TensorProto) -> Path:
    save(path, [helper.make_node("Add", ["x", "w"], ["y"])], [value("x", [COUNT])], [value("y", [COUNT])])
    model = onnx.load(str(path))
    model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())
    return path


def in_a_function(path: Path, tensor: onnx.TensorProto) -> Path:
    nodes = [helper.make_node("Constant", [], ["w"], value=tensor), helper.make_node("Add", ["a", "w"], ["b"])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Shift", ["a"], ["b"], nodes, opsets[:1])
    call = helper.make_node("Shift", ["x"], ["y"], domain="own")
    graph = helper.make_graph([call], "graph", [value("x", [COUNT])], [value("y", [COUNT])])
    model = helper.make_model(graph, functions=[function], opset_imports=opsets, ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def in_a_branch(path: Path, tensor: onnx.TensorProto) -> Path:
    added = [helper.make_node("Add", ["x", "w"], ["r"])]
    then = helper.make_graph(added, "then", [], [value("r", [COUNT])], [tensor])
    other = helper.make_graph([helper.make_node("Identity", ["x"], ["q"])], "else", [], [value("q", [COUNT])])
    node = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
    return save(path, [node], [value("x", [COUNT]), value("c", [], TensorProto.BOOL)], [value("y", [COUNT])])


PLACES = (initializer, in_a_function, in_a_branch)


@pytest.mark.parametrize("write", PLACES)
def test_constants_outside_are_part_of_the_model_wherever_they_are_named(tmp_path, write):
    hashes = set()
    for fill in (1.0, 2.0):
        path = write(tmp_path / "m.onnx", outside("w", weights(fill)))
        (tmp_path / LOCATION).write_bytes(weights(fill).tobytes())
        artifact = open_model_file(path, "onnx").artifact
        assert [file.name for file in artifact.external_data] == [LOCATION]
        hashes.add(artifact.content_sha256)
    assert len(hashes) == 2
    assert external_files(path.read_bytes()) == [LOCATION], "a device tells engines apart by the same files"


@pytest.mark.parametrize("write", PLACES)
@pytest.mark.parametrize(
    ("kept_bytes", "offset", "length", "words"),
    [
        (COUNT * 4 - 1, 0, None, "weights.bin, which holds weights of m.onnx, is cut short: w lies in its bytes 0 to"),
        (COUNT * 4, 4, None, "is cut short"),
        (0, 0, None, "is cut short"),
        (COUNT * 4, 0, COUNT * 4 - 8, f"m.onnx is damaged: it says that w takes {COUNT * 4 - 8} bytes"),
    ],
)
def test_what_does_not_hold_its_constants_is_refused(tmp_path, write, kept_bytes, offset, length, words):
    path = write(tmp_path / "m.onnx", outside("w", weights(), offset, length))
    (tmp_path / LOCATION).write_bytes(weights().tobytes()[:kept_bytes])
    with pytest.raises(UsageError, match=words) as refused:
        open_model_file(path, "onnx")
    assert "\n" not in str(refused.value)


def test_weights_that_are_a_pointer_are_told_as_such(tmp_path):
    path = initializer(tmp_path / "m.onnx", outside("w", weights()))
    (tmp_path / LOCATION).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1200\n")
    with pytest.raises(UsageError, match=r"weights\.bin is a pointer of Git LFS.*git lfs pull"):
        open_model_file(path, "onnx")


def test_types_that_share_bytes_are_left_to_the_runtime(tmp_path):
    tensor = outside("w", np.zeros(COUNT, np.uint8), length=COUNT // 2)
    tensor.data_type = TensorProto.UINT4
    path = initializer(tmp_path / "m.onnx", tensor)
    (tmp_path / LOCATION).write_bytes(bytes(COUNT // 2))
    assert open_model_file(path, "onnx").artifact.external_data
