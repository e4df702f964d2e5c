"""A file is held to the model that it was converted from, which runs on this computer on the same values."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.harness.errors import UsageError
from latency_bench.harness.fidelity.check import check_fidelity
from latency_bench.harness.model_file.file_request import FileRequest
from latency_bench.harness.model_file.likeness import axes_between
from latency_bench.harness.model_file.open_file import open_model_file
from latency_bench.harness.model_file.original import Original, original_named
from latency_bench.harness.original_reference import with_reference_of
from latency_bench.model_specs.errors import UnknownModelError

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper  # noqa: E402 - needs onnx
from onnx_files import save, value  # noqa: E402

TINY = ("--model", "b0-cls-r224", "--resolution", "64x64")


def affine(path, factor=1.0, x="x", y="y", shape=(1, 3, 8, 6), element=TensorProto.FLOAT):
    """y = factor * x + sum over the last dimension, which depends on where that is."""
    array = np.asarray(factor, np.float32)
    nodes = [
        helper.make_node("ReduceSum", [x, "axes"], ["s"], keepdims=1),
        helper.make_node("Mul", [x, "factor"], ["m"]),
        helper.make_node("Add", ["m", "s"], [y]),
    ]
    weights = {"axes": np.array([-1]), "factor": array}
    return save(path, nodes, [value(x, shape, element)], [value(y, shape, element)], weights)


def held_to(path, original, request=None):
    """What the check says of the file's own outputs on ONNX Runtime."""
    brought = open_model_file(path, "onnx", request)
    artifact = with_reference_of(Original(str(original), (original, "onnx")), brought.spec, brought.artifact, print)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    from bench_worker.inputs import generate
    from bench_worker.job import InputTensor

    feeds = {
        one["name"]: generate(InputTensor(**{**one, "shape": tuple(one["shape"])}))
        for one in brought.spec.describe_inputs(0)
    }
    names = [output.name for output in session.get_outputs()]
    outputs = path.parent / "outputs.npz"
    np.savez(outputs, **dict(zip(names, session.run(None, feeds), strict=True)))
    return check_fidelity(brought.spec, artifact, outputs), artifact


@pytest.mark.usefixtures("own_cache")
class TestSmallFiles:
    def test_another_name_is_the_same_tensor(self, tmp_path):
        record, artifact = held_to(affine(tmp_path / "a.onnx"), affine(tmp_path / "b.onnx", x="image", y="logits"))
        assert record.passed is True
        assert record.metrics["y"]["max_rel"] < 1e-6
        assert artifact.facts["original"]["runtime"] == "onnxruntime"
        assert artifact.facts["output_changes"]["noise"]["y"] > 0.1

    def test_another_network_is_refused(self, tmp_path):
        record, _ = held_to(affine(tmp_path / "a.onnx"), affine(tmp_path / "b.onnx", factor=1.1))
        assert record.passed is False
        assert "largest error" in record.reason

    def test_open_sizes_of_the_original_are_those_of_the_file(self, tmp_path):
        original = affine(tmp_path / "b.onnx", shape=("n", 3, "h", "w"))
        assert held_to(affine(tmp_path / "a.onnx"), original)[0].passed is True

    def test_values_that_are_given_are_fed_to_both(self, tmp_path):
        np.save(tmp_path / "x.npy", np.full((1, 3, 8, 6), 2.0, np.float32))
        request = FileRequest(values={"x": str(tmp_path / "x.npy")})
        record, artifact = held_to(affine(tmp_path / "a.onnx"), affine(tmp_path / "b.onnx"), request)
        assert record.passed is True
        np.testing.assert_allclose(np.load(artifact.reference)["y"], np.full((1, 3, 8, 6), 14.0))
        assert "output_changes" not in artifact.facts
        assert record.input == "values given", "and no noise"

    def test_outputs_that_do_not_depend_on_the_input_prove_nothing(self, tmp_path):
        nodes = [helper.make_node("Mul", ["x", "zero"], ["y"])]
        tensors = [value("x", [1, 4])], [value("y", [1, 4])]
        for name in ("a", "b"):
            save(tmp_path / f"{name}.onnx", nodes, *tensors, {"zero": np.zeros(1, np.float32)})
        record, _ = held_to(tmp_path / "a.onnx", tmp_path / "b.onnx")
        assert record.passed is None
        assert "hardly depend on the input" in record.reason

    @pytest.mark.parametrize(
        ("other", "words"),
        [
            ({"shape": (1, 3, 8, 7)}, r"input x is float32 1x3x8x6, and the other's x is float32 1x3x8x7"),
            ({"element": TensorProto.INT32}, "cannot be fed the same values"),
        ],
    )
    def test_what_takes_something_else_is_told_in_a_line(self, tmp_path, other, words):
        original = affine(tmp_path / "b.onnx", **other)
        with pytest.raises(UsageError, match=words) as refused:
            held_to(affine(tmp_path / "a.onnx"), original)
        assert str(refused.value).startswith(f"--original {original}: ")
        assert "\n" not in str(refused.value)

    def test_outputs_without_values_and_of_a_size_that_the_values_decide_are_held_to_it_too(self, tmp_path):
        nodes = [
            helper.make_node("Relu", ["x"], ["r"]),
            helper.make_node("NonZero", ["r"], ["places"]),
            helper.make_node("Identity", ["none"], ["empty"]),
            helper.make_node("Add", ["x", "x"], ["twice"]),
        ]
        given = [value("x", [1, 64]), value("none", [0, 4])]
        outputs = [value("places", [2, "k"], TensorProto.INT64), value("empty", [0, 4]), value("twice", [1, 64])]
        original = save(tmp_path / "b.onnx", nodes, given, outputs)
        record, _ = held_to(save(tmp_path / "a.onnx", nodes, given, outputs), original)
        assert record.passed is True, record.reason

    def test_an_original_that_is_not_finite_is_no_measure(self, tmp_path):
        nodes = [helper.make_node("Log", ["x"], ["y"])]
        original = save(tmp_path / "b.onnx", nodes, [value("x", [1, 3, 8, 6])], [value("y", [1, 3, 8, 6])])
        with pytest.raises(UsageError, match="its own output y is not finite"):
            held_to(affine(tmp_path / "a.onnx"), original)

    def test_what_is_not_there_is_told_before_anything_runs(self, tmp_path):
        with pytest.raises(UsageError, match="there is no such file"):
            original_named(str(tmp_path / "gone.onnx"))
        with pytest.raises(UnknownModelError, match="there is no model called 'b1-sge'; did you mean b1-seg"):
            original_named("b1-sge")


@pytest.mark.parametrize(
    ("shape", "stated", "converted", "axes"),
    [
        ((1, 8, 6, 3), (1, 3, 8, 6), True, (0, 3, 1, 2)),
        ((1, 3, 8, 6), (1, 8, 6, 3), True, (0, 2, 3, 1)),
        ((1, 3, 8, 6), ("", 3, "h", "w"), True, (0, 1, 2, 3)),
        ((1, 3, 3, 3), (1, 3, 3, 3), False, (0, 1, 2, 3)),
        ((1, 8, 6, 3), (1, 3, 8, 6), False, (0, 3, 1, 2)),
        ((5, 2), None, True, (0, 1)),
        ((5, 2), (5, 3), True, None),
        ((), (), True, ()),
    ],
)
def test_channels_are_where_each_file_has_them(shape, stated, converted, axes):
    assert axes_between(shape, stated, converted) == axes


def test_a_converted_pair_and_a_model_of_the_catalog(bench, tmp_path):
    """The TFLite file has channels last and other names than the ONNX file of the same seeded network."""
    for format_ in ("tflite", "onnx"):
        done = bench("export", *TINY, "--format", format_, "--to", str(tmp_path / f"net.{format_}"))
        assert done.returncode == 0, done.stderr
    fast = tmp_path / "fast.yaml"
    fast.write_text(
        "name: fast\nrounds: 1\ncampaign_rounds: 1\n"
        "warmup: {min_count: 2, max_count: 5, min_s: 0, max_s: 1, window: 2}\n"
        "sampling: {min_count: 5, max_count: 9, min_s: 0, max_s: 1, relative_interval: 0.5, confidence: 0.95}\n"
    )
    words = ("run", "--tflite", "net.tflite", "--protocol", str(fast), "--json", "--quiet", "--original")
    for original in ("net.onnx", TINY[1]):
        done = bench(*words, original)
        assert done.returncode == 0, done.stderr
        fidelity = done.json()["fidelity"]
        assert fidelity["passed"] is True
        assert all(metrics["max_rel"] < 1e-4 for metrics in fidelity["metrics"].values())
