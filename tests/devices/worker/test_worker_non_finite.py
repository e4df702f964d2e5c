"""Which layer overflowed first, found by real runtimes in real half precision; and the little of ONNX that is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_worker.clock import now_ns
from bench_worker.failure import WorkerError
from bench_worker.job import InputTensor
from bench_worker.libraries.onnx_external_data import external_files
from bench_worker.libraries.onnx_file import read_nodes, with_outputs
from bench_worker.libraries.torch_non_finite import first_non_finite
from bench_worker.libraries.torch_program import program_module
from bench_worker.runtime.non_finite import count_non_finite
from bench_worker.runtimes import create_runtime

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
IMAGE = InputTensor("image", (1, 4, 8, 8), "float32", "NCHW", "normal", 0.0, 1.0, 3)
VALUES = np.full(IMAGE.shape, 3.0, np.float32)
MASK = np.array([0.0, -np.inf], np.float32)


class Overflowing(torch.nn.Module):
    """The product overflows in half precision, and the ratio after it is finite again: 0. The mask is infinite on
    purpose, and so is nothing that comes of it."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Conv2d(4, 4, 1, bias=False)
        torch.nn.init.constant_(self.scale.weight, 40.0)
        self.register_buffer("mask", torch.from_numpy(MASK))

    def forward(self, image):
        scaled = self.scale(image)
        weights = torch.softmax(self.mask * 2, 0)
        return image / (scaled * scaled) * weights[0]


def opened(path):
    runtime = create_runtime("onnxruntime", {"threads": 1}, now_ns)
    runtime.load(str(path), [IMAGE])
    runtime.set_inputs([VALUES])
    runtime.request()
    return runtime


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    from latency_bench.harness.export.formats.pt2 import half_inside

    folder = tmp_path_factory.mktemp("programs")
    paths = {}
    for precision, dtype in (("fp32", torch.float32), ("fp16", torch.float16)):
        paths[precision] = folder / f"{precision}.pt2"
        module = half_inside(Overflowing().eval(), dtype)
        torch.export.save(torch.export.export(module, (torch.from_numpy(VALUES),)), paths[precision])
    return paths


FED = {"name": "image", "shape": list(IMAGE.shape), "low": 3.0, "high": 4.0, "distribution": "uniform"}
"""Input of a worker's request: all of it overflows."""


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_torch_names_the_operator_that_overflowed(programs, precision):
    program = torch.export.load(programs[precision])
    with torch.inference_mode():
        module = program_module(program)
        assert torch.isfinite(module(torch.from_numpy(VALUES))).all(), "it does not show outside"
        found = first_non_finite(torch, module, [torch.from_numpy(VALUES)])
    if precision == "fp32":
        assert found is None
        return
    assert found.operator == "aten.mul.Tensor"
    assert found.layer.startswith("module (mul")
    assert (found.nan_count, found.infinite_count, found.value_count) == (0, VALUES.size, VALUES.size)


def save_onnx(path, dtype, external=False):
    """Half precision inside, float32 outside; weights beside the file on request."""
    helper, types = onnx.helper, onnx.TensorProto
    element = {"float16": types.FLOAT16, "float32": types.FLOAT}[dtype]
    weights = np.full((4, 4, 1, 1), 40.0, dtype)
    nodes = [
        helper.make_node("Cast", ["image"], ["half"], name="to_half", to=element),
        helper.make_node("Conv", ["half", "weights"], ["scaled"], name="scale"),
        helper.make_node("Mul", ["mask", "mask"], ["doubled"], name="mask_only"),
        helper.make_node("Mul", ["scaled", "scaled"], ["square"], name="square"),
        helper.make_node("Div", ["half", "square"], ["ratio"], name="ratio"),
        helper.make_node("Cast", ["ratio"], ["y"], name="back", to=types.FLOAT),
    ]
    nodes += [helper.make_node("Identity", [f"i{k - 1}" if k else "y"], [f"i{k}"]) for k in range(20)]
    shape = list(IMAGE.shape)
    graph = helper.make_graph(
        nodes,
        "overflowing",
        [helper.make_tensor_value_info("image", types.FLOAT, shape)],
        [helper.make_tensor_value_info(name, types.FLOAT, shape) for name in ("y", "i19")],
        [onnx.numpy_helper.from_array(weights, "weights"), onnx.numpy_helper.from_array(MASK.astype(dtype), "mask")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    kept = {"save_as_external_data": True, "location": "weights.data", "size_threshold": 0} if external else {}
    onnx.save(model, str(path), **kept)
    return path


@pytest.mark.parametrize("external", [False, True])
def test_onnxruntime_names_the_node_that_overflowed(tmp_path, external):
    runtime = opened(save_onnx(tmp_path / "model.onnx", "float16", external))
    found = runtime.first_non_finite()
    assert (found.layer, found.operator) == ("square", "Mul")
    assert (found.nan_count, found.infinite_count, found.value_count) == (0, VALUES.size, VALUES.size)


def test_onnxruntime_names_nothing_in_full_precision(tmp_path):
    # More nodes than are looked at together, and an output of the model's own among them.
    runtime = opened(save_onnx(tmp_path / "model.onnx", "float32"))
    assert runtime.first_non_finite() is None


def test_a_worker_reports_it(run_worker, request_for, tmp_path):
    path = save_onnx(tmp_path / "model.onnx", "float16")
    done = run_worker(request_for("onnxruntime", path, inputs=[FED], find_non_finite=True)).event("done")
    assert done["non_finite"]["layer"] == "square"
    path = save_onnx(tmp_path / "model.onnx", "float32")
    done = run_worker(request_for("onnxruntime", path, inputs=[FED])).event("done")
    assert "non_finite" not in done


def test_a_runtime_that_shows_no_layers_says_so(run_worker, request_for, tflite_artifact):
    request = request_for("litert", tflite_artifact, find_non_finite=True)
    request["inputs"][0]["layout"] = "NHWC"
    finished = run_worker(request)
    assert finished.returncode == 2
    assert "does not show the outputs of layers" in finished.event("error")["message"]


def test_values_are_counted_by_kind():
    values = np.array([1.0, np.nan, np.inf, -np.inf], np.float16)
    assert count_non_finite(values) == (1, 2)
    assert count_non_finite(np.array([1, 2], np.int32)) == (0, 0)


def test_nodes_are_those_that_onnx_reads(onnx_artifact):
    model = onnx.load(str(onnx_artifact))
    nodes = read_nodes(onnx_artifact.read_bytes())
    assert [(node.operator, list(node.inputs), list(node.outputs)) for node in nodes] == [
        (node.op_type, list(node.input), list(node.output)) for node in model.graph.node
    ]


def test_files_beside_the_model_are_found(tmp_path):
    inside = save_onnx(tmp_path / "inside.onnx", "float32")
    assert external_files(inside.read_bytes()) == []
    beside = save_onnx(tmp_path / "beside.onnx", "float32", external=True)
    assert external_files(beside.read_bytes()) == ["weights.data"]


NAMES = st.text(min_size=1, max_size=300)


@given(names=st.lists(NAMES, max_size=5))
def test_outputs_that_are_added_are_read_back(onnx_artifact, names):
    """Lengths beyond one byte of a varint, any characters."""
    model = onnx.load_from_string(with_outputs(onnx_artifact.read_bytes(), names))
    assert [one.name for one in model.graph.output] == ["map", "total", *names]
    assert len(model.graph.node) == 3


@given(content=st.binary(max_size=200))
def test_any_bytes_are_nodes_or_refused(content):
    try:
        nodes = read_nodes(content)
        external_files(content)
    except ValueError:
        return
    assert all(isinstance(node.operator, str) for node in nodes)


def test_an_engine_that_was_given_cannot_be_looked_into(monkeypatch):
    from bench_worker.runtimes.tensorrt import TensorRt

    runtime = TensorRt.__new__(TensorRt)
    runtime._artifact = "model.engine"
    with pytest.raises(WorkerError, match="shows no outputs"):
        runtime.first_non_finite()
