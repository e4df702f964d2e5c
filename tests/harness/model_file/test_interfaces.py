"""ONNX Runtime is fed a file by its own interface, whatever that is, and its outputs are the runtime's own."""

from __future__ import annotations

import numpy as np
import pytest

from bench_worker.clock import Clock
from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from latency_bench.harness.model_file.file_request import FileRequest
from latency_bench.harness.model_file.open_file import open_model_file

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper  # noqa: E402
from onnx_files import save, save_identity, value  # noqa: E402

pytestmark = pytest.mark.usefixtures("own_cache")


def measured(path, request=None):
    """What the worker's runtime was fed, what it gave, and what it says of itself."""
    import time

    from bench_worker.runtimes.onnxruntime import OnnxRuntime

    spec = open_model_file(path, "onnx", request).spec
    described = [InputTensor(**{**one, "shape": tuple(one["shape"])}) for one in spec.describe_inputs(0)]
    clock: Clock = time.perf_counter_ns
    runtime = OnnxRuntime({"threads": 1}, clock)
    ordered = runtime.load(str(path), described)
    arrays = [generate(tensor) for tensor in ordered]
    runtime.set_inputs(arrays)
    facts = runtime.facts()
    for _ in range(2):
        runtime.request()
    outputs = {name: np.array(array) for name, array in runtime.outputs().items()}
    runtime.close()
    return dict(zip([tensor.name for tensor in ordered], arrays, strict=True)), outputs, facts


def check_by_value(path, request=None):
    feeds, outputs, facts = measured(path, request)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert list(outputs) == names
    for name, expected in zip(names, session.run(None, feeds), strict=True):
        np.testing.assert_array_equal(outputs[name], expected)
    return facts


@pytest.mark.parametrize(
    "element",
    ["FLOAT", "FLOAT16", "DOUBLE", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "BOOL"],
)
def test_every_type_is_fed(tmp_path, element):
    check_by_value(save_identity(tmp_path / "m.onnx", [2, 3, 4], getattr(TensorProto, element)))


def test_bfloat16_is_fed_and_read(tmp_path):
    path = save(
        tmp_path / "m.onnx",
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT), helper.make_node("Identity", ["x"], ["z"])],
        [value("x", [1, 1000], TensorProto.BFLOAT16)],
        [value("y", [1, 1000]), value("z", [1, 1000], TensorProto.BFLOAT16)],
    )
    feeds, outputs, _ = measured(path)
    drawn = np.random.RandomState(0).standard_normal(1000).astype(np.float32)
    np.testing.assert_allclose(outputs["y"][0], drawn, rtol=2**-8)
    np.testing.assert_array_equal(outputs["y"], outputs["z"])
    assert feeds["x"].dtype == np.uint16


@pytest.mark.parametrize("shape", [[], [1], [7], [0, 3], [2, 3, 4, 5, 6]])
def test_any_number_of_dimensions_is_fed(tmp_path, shape):
    check_by_value(save_identity(tmp_path / "m.onnx", shape))


def test_first_sizes_that_differ_are_fed(tmp_path):
    inputs = [value("a", [1, 16]), value("b", [4, 16]), value("c", [])]
    nodes = [helper.make_node("Add", ["a", "b"], ["t"]), helper.make_node("Mul", ["t", "c"], ["y"])]
    check_by_value(save(tmp_path / "m.onnx", nodes, inputs, [value("y", [4, 16])]))


def test_names_that_look_alike_stay_apart(tmp_path):
    nodes = [helper.make_node("Sub", ["x.1", "x_1"], ["图"]), helper.make_node("Neg", ["图"], ["y/ü:0"])]
    inputs = [value("x.1", [1, 9]), value("x_1", [1, 9])]
    check_by_value(save(tmp_path / "m.onnx", nodes, inputs, [value("图", [1, 9]), value("y/ü:0", [1, 9])]))


def test_a_model_without_inputs_runs(tmp_path):
    path = save(
        tmp_path / "m.onnx",
        [helper.make_node("Neg", ["w"], ["y"])],
        [],
        [value("y", [5])],
        {"w": np.ones(5, np.float32)},
    )
    check_by_value(path)


def test_open_sizes_are_fed_as_given(tmp_path):
    path = save_identity(tmp_path / "m.onnx", ["n", 3, "h", "w"])
    facts = check_by_value(path, FileRequest(dimensions={"h": 5, "w": 7}, batch=2))
    assert facts["outputs"][0]["shape"] == [2, 3, 5, 7]
    assert "outputs_allocated" not in facts


def test_a_size_that_depends_on_values_is_allocated_by_the_runtime(tmp_path):
    nonzero = [helper.make_node("NonZero", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["z"])]
    outputs = [value("z", [1, 64]), value("y", [2, None], TensorProto.INT64)]
    facts = check_by_value(save(tmp_path / "m.onnx", nonzero, [value("x", [1, 64])], outputs))
    assert facts["outputs_allocated"] == ["y"]
    assert facts["shape_probe"] is True


def test_an_output_of_another_rank_than_the_file_states_is_read(tmp_path):
    """As in files whose converter states what a later operator makes of an output."""
    nodes = [helper.make_node("Reshape", ["x", "sizes"], ["y"]), helper.make_node("Neg", ["x"], ["z"])]
    inputs = [value("x", [1, 12]), value("sizes", ["k"], TensorProto.INT64)]
    path = save(tmp_path / "m.onnx", nodes, inputs, [value("y", [None, None]), value("z", [1, 12])])
    np.save(tmp_path / "sizes.npy", np.array([1, 3, 4]))
    facts = check_by_value(path, FileRequest(values={"sizes": str(tmp_path / "sizes.npy")}))
    assert facts["outputs_misstated"] == facts["outputs_allocated"] == ["y"]


def test_an_output_without_rank_is_read(tmp_path):
    branch = helper.make_graph([helper.make_node("Identity", ["x"], ["r"])], "a", [], [value("r", [1, 6])])
    other = helper.make_graph([helper.make_node("Concat", ["x", "x"], ["q"], axis=0)], "b", [], [value("q", [2, 6])])
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        helper.make_node("Cast", ["s"], ["c"], to=TensorProto.BOOL),
        helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=other),
    ]
    facts = check_by_value(save(tmp_path / "m.onnx", nodes, [value("x", [1, 6])], [value("y", None)]))
    assert facts["outputs_allocated"] == ["y"]
