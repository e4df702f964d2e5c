"""Files that a user brings: read as they are, refused in words where they cannot be measured."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from latency_bench.harness.errors import UsageError
from latency_bench.harness.frozen_files import freeze
from latency_bench.harness.model_file.file_request import FileRequest, parse_shape
from latency_bench.harness.model_file.open_file import open_model_file

onnx = pytest.importorskip("onnx")

from onnx_files import save, save_identity, value  # noqa: E402 - needs onnx

pytestmark = pytest.mark.usefixtures("own_cache")


def test_names_types_and_sizes_are_the_files_own(tmp_path):
    path = save(
        tmp_path / "My Model (v2).onnx",
        [onnx.helper.make_node("Add", ["data/in:0", "data_in_0"], ["图"])],
        [value("data/in:0", [4, 3, 8, 6]), value("data_in_0", [4, 3, 8, 6])],
        [value("图", [4, 3, 8, 6])],
    )
    brought = open_model_file(path, "onnx")
    assert brought.spec.id == f"file-my-model-v2-{brought.artifact.sha256[:8]}"
    assert [one.name for one in brought.spec.inputs] == ["data/in:0", "data_in_0"]
    assert [one.name for one in brought.spec.outputs] == ["图"]
    assert (brought.spec.batch, brought.spec.resolution, brought.spec.precision) == (4, (8, 6), "fp32")
    assert brought.artifact.reference is None


@pytest.mark.parametrize(
    ("shape", "resolution"),
    [
        ([1, 224, 200, 3], (224, 200)),
        ([1, 3, 224, 200], (224, 200)),
        ([224, 200, 3], (224, 200)),
        ([16000], (1, 16000)),
        ([], (1, 1)),
    ],
)
def test_height_and_width_are_found_wherever_the_channels_are(tmp_path, shape, resolution):
    assert open_model_file(save_identity(tmp_path / "m.onnx", shape), "onnx").spec.resolution == resolution


def _save_beside(path: Path, location: str, fill: float = 1.0) -> Path:
    """A constant in a file of its own, whose place the model calls `location`."""
    array = np.full(400, fill, np.float32)
    save(
        path,
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])],
        [value("x", [1, 400])],
        [value("y", [1, 400])],
        {"w": array},
    )
    model = onnx.load(str(path))
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], location)
    model.graph.initializer[0].ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    target = path.parent / location
    if ".." not in location and not location.startswith("/"):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(array.tobytes())
    return path


def test_weights_below_the_file_come_with_it_and_make_its_identity(tmp_path):
    opened = []
    for folder, fill in (("a", 1.0), ("b", 2.0)):
        (tmp_path / folder).mkdir()
        path = _save_beside(tmp_path / folder / "model.onnx", "weights/part 1.bin", fill)
        opened.append(open_model_file(path, "onnx"))
        artifact = opened[-1].artifact
        assert [file.relative_to(artifact.path.parent).as_posix() for file in artifact.external_data] == [
            "weights/part 1.bin"
        ]
        assert artifact.size_bytes == path.stat().st_size + 1600
    a, b = opened
    assert a.artifact.sha256 == b.artifact.sha256
    assert a.artifact.content_sha256 != b.artifact.content_sha256
    assert a.spec.id != b.spec.id


def test_a_hub_cache_of_links_is_read(tmp_path):
    path = _save_beside(tmp_path / "model.onnx", "model.onnx_data")
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc" / "onnx"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for number, name in enumerate(["model.onnx", "model.onnx_data"]):
        (path.parent / name).rename(blobs / str(number))
        (snapshot / name).symlink_to(Path("../../..") / "blobs" / str(number))
    assert open_model_file(snapshot / "model.onnx", "onnx").artifact.size_bytes > 1600


@pytest.mark.parametrize(
    ("location", "words"),
    [("../weights.bin", "outside its own folder"), ("/etc/passwd", "outside its own folder")],
)
def test_weights_that_are_elsewhere_are_refused(tmp_path, location, words):
    with pytest.raises(UsageError, match=words):
        open_model_file(_save_beside(tmp_path / "m.onnx", location), "onnx")


def test_missing_weights_are_named(tmp_path):
    path = _save_beside(tmp_path / "m.onnx", "gone.bin")
    (tmp_path / "gone.bin").unlink()
    with pytest.raises(UsageError, match=r"'gone\.bin', which is not beside it"):
        open_model_file(path, "onnx")


@pytest.mark.parametrize(
    ("element", "name"), [(onnx.TensorProto.STRING, "string"), (onnx.TensorProto.COMPLEX64, "complex64")]
)
def test_types_that_nobody_can_feed_are_named(tmp_path, element, name):
    with pytest.raises(UsageError, match=f"input x is of type {name}"):
        open_model_file(save_identity(tmp_path / "m.onnx", [1, 3], element), "onnx")


def test_a_sequence_is_named(tmp_path):
    inner = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [1, 4])
    out = onnx.helper.make_value_info("y", onnx.helper.make_sequence_type_proto(inner))
    node = onnx.helper.make_node("SequenceConstruct", ["x"], ["y"])
    with pytest.raises(UsageError, match="output y is of type sequence"):
        open_model_file(save(tmp_path / "m.onnx", [node], [value("x", [1, 4])], [out]), "onnx")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a model at all, whatever its name says" * 10, "not a|not saved by"),
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"../../../blobs/5f3a9c0e", "the text of a link to ../../../blobs/5f3a9c0e; copy the file itself"),
    ],
)
@pytest.mark.parametrize("format_", ["onnx", "tflite", "pt2"])
def test_a_file_that_is_no_model_is_refused(tmp_path, format_, content, words):
    path = tmp_path / f"noise.{format_}"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"noise.*({words})"):
        open_model_file(path, format_)


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path):
    content = save_identity(tmp_path / "whole.onnx", [1, 3]).read_bytes()
    for end in range(1, len(content) - 8, 5):
        (tmp_path / "part.onnx").write_bytes(content[:end])
        with pytest.raises(UsageError, match=r"part\.onnx"):
            open_model_file(tmp_path / "part.onnx", "onnx")


def test_values_are_given_by_number_or_array(tmp_path):
    path = save(
        tmp_path / "m.onnx",
        [onnx.helper.make_node("Mul", ["x", "x"], ["y"])],
        [value("x", ["n", 8]), value("rate", [], onnx.TensorProto.INT64)],
        [value("y", ["n", 8])],
    )
    array = np.arange(40, dtype=np.float64).reshape(5, 8)
    np.save(tmp_path / "x.npy", array)
    request = FileRequest(values={"x": str(tmp_path / "x.npy"), "rate": "16000"})
    spec = open_model_file(path, "onnx", request).spec
    x, rate = spec.inputs
    assert (x.shape, rate.shape) == ((5, 8), ())
    assert x.values is not None
    assert rate.values is not None
    np.testing.assert_array_equal(np.load(x.values), array.astype(np.float32))
    assert np.load(rate.values) == 16000
    assert spec.asked_inputs == f"x=5x8 values {x.values_sha256[:8]}, rate=16000"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("x=1.5", "cannot hold"),
        ("x=300", "cannot hold"),
        ("x=none.npy", "cannot be read"),
        ("z=1", "no input of that name"),
    ],
)
def test_values_that_do_not_fit_are_refused(tmp_path, given, words):
    name, _, text = given.partition("=")
    path = save_identity(tmp_path / "m.onnx", [1, 3], onnx.TensorProto.UINT8)
    with pytest.raises(UsageError, match=words):
        open_model_file(path, "onnx", FileRequest(values={name: text}))


def test_a_number_for_more_values_than_memory_holds_is_refused(tmp_path):
    path = save_identity(tmp_path / "m.onnx", ["n", "m"])
    request = FileRequest(shapes={"x": (2000000, 2000000)}, values={"x": "1"})
    with pytest.raises(UsageError, match=r"--input x=1: 2000000x2000000 values take 32000\.0 GB"):
        open_model_file(path, "onnx", request)


def test_a_large_file_is_described_without_its_weights(tmp_path, monkeypatch):
    """The graph alone is parsed: what protobuf is given is smaller than one weight."""
    weight = np.zeros(1_000_000, np.float32)
    node = onnx.helper.make_node("Add", ["x", "w"], ["y"])
    path = save(tmp_path / "m.onnx", [node], [value("x", [1])], [value("y", [1000000])], {"w": weight})
    sizes = []
    parse = onnx.ModelProto.FromString
    monkeypatch.setattr(onnx.ModelProto, "FromString", lambda content: sizes.append(len(content)) or parse(content))
    assert open_model_file(path, "onnx").spec.precision == "fp32"
    assert sizes
    assert max(sizes) < 1000


def test_a_name_that_is_no_text_is_measured_all_the_same(tmp_path):
    path = save_identity(tmp_path / os.fsdecode(b"bytes\xff.onnx"), [1, 3])
    assert open_model_file(path, "onnx").artifact.path.is_file()


def test_weights_that_are_said_to_lie_in_the_file_itself_are_refused(tmp_path):
    with pytest.raises(UsageError, match="its weights lie in itself"):
        freeze(save_identity(tmp_path / "self.onnx", [1, 3]), lambda _: ["self.onnx"])


@pytest.mark.parametrize("text", ["99999999999999999999", "2147483648", "-1", "1e3"])
def test_sizes_that_no_runtime_counts_to_are_refused(text):
    with pytest.raises(ValueError, match="is not a s"):
        parse_shape(f"1x{text}")
