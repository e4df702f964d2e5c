"""int8 in an ONNX file, by each quantiser: it still computes the model, in integers where there are weights."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from bench_worker.libraries.onnx_file import read_nodes
from bench_worker.libraries.onnxruntime_layers import is_single_precision, weighted_layers
from latency_bench.harness.export import ExportError, ExportOptions
from latency_bench.harness.export.exporter import check_request
from latency_bench.harness.export.formats.onnx import Onnx
from latency_bench.harness.export.job import ExportJob
from latency_bench.harness.export.key import cache_key, key_document
from latency_bench.harness.export.quantisers import find_quantiser
from latency_bench.harness.fidelity.outputs import compare_outputs

MakeJob = Callable[..., ExportJob]
Run = Callable[[Path, dict[str, Any]], dict[str, Any]]


class Mixed(torch.nn.Module):
    """Every kind of layer with weights, a product of two activations, and a division that int8 cannot do."""

    def __init__(self) -> None:
        super().__init__()
        self.full = torch.nn.Conv2d(3, 16, 3, padding=1)
        self.depthwise = torch.nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.linear = torch.nn.Linear(16, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = torch.relu(self.depthwise(torch.relu(self.full(image)))).flatten(2)
        attention = features @ features.transpose(1, 2)
        weighed = attention / (attention.sum(dim=2, keepdim=True) + 1e-6)
        result: torch.Tensor = self.linear((weighed @ features).mean(dim=2))
        return result


@pytest.fixture
def job(make_job: MakeJob) -> ExportJob:
    torch.manual_seed(0)
    draw = [torch.randn(1, 3, 16, 16) for _ in range(4)]
    made = make_job(Mixed(), "model.onnx", image=draw[0])
    return replace(made, calibration=tuple({"image": image} for image in draw[1:]))


@pytest.mark.parametrize(
    ("quantiser", "precision", "layers"),
    [("onnxruntime", "int8", 3), ("nncf", "int8", 3), ("tensorrt", "int8", 3), ("onnxruntime", "int8-dynamic", 1)],
)
def test_layers_with_weights_become_integers_and_the_rest_stays(
    job: ExportJob, runners: dict[str, Run], quantiser: str, precision: str, layers: int
) -> None:
    asked = replace(job, precision=precision, quantiser=quantiser)
    if precision == "int8-dynamic":
        asked = replace(asked, calibration=())
    conversion = Onnx().export(asked)
    facts = conversion.facts["quantization"]
    assert (facts["quantiser"], facts["layers"], facts["of_layers"]) == (quantiser, layers, 3)
    nodes = read_nodes(job.path.read_bytes())
    assert not is_single_precision(str(job.path))
    operators = [node.operator for node in nodes]
    assert operators.count("Div") == 1
    assert [(one.name, one.dtype) for one in (*conversion.inputs, *conversion.outputs)] == [
        ("image", "float32"),
        ("result", "float32"),
    ]
    assert job.path.parent.joinpath("named.onnx").exists() is False
    expected = {name: tensor.numpy() for name, tensor in job.outputs.items()}
    computed = runners["onnx"](job.path, {name: tensor.numpy() for name, tensor in job.inputs.items()})
    found = compare_outputs(expected, dict(zip(expected, computed.values(), strict=True)), precision=precision)
    assert found.passed, found
    assert found.outputs[0].max_relative_error, "the weights were rounded, so something has to differ"


def test_the_share_in_integers_is_read_from_the_graph_that_runs(job: ExportJob, tmp_path: Path) -> None:
    import onnxruntime

    Onnx().export(replace(job, precision="int8"))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "graph.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(job.path), options, providers=["CPUExecutionProvider"])
    layers = weighted_layers((tmp_path / "graph.onnx").read_bytes())
    assert sum(layers.precisions.values()) == 3
    assert layers.precisions["int8"] >= 2
    assert layers.conversions >= 2
    # The graph before: every layer computes in fp32 between its pairs of conversions.
    before = weighted_layers(job.path.read_bytes())
    assert before.precisions == {"float32": 3}


def test_tensorrt_gets_pairs_around_zero_and_biases_as_they_are(job: ExportJob) -> None:
    Onnx().export(replace(job, precision="int8", quantiser="tensorrt"))
    graph = onnx.load(str(job.path)).graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    pairs = [node for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    zeros = [constants[node.input[2]] for node in pairs]
    assert {zero.dtype.name for zero in zeros} == {"int8"}
    assert not any(zero.any() for zero in zeros)
    quantised = {node.output[0]: node for node in pairs}
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    weighted = [node for node in layers if node.input[1] in quantised]
    assert len(weighted) == 3
    for node in weighted:
        assert all(quantised[name].op_type == "DequantizeLinear" for name in node.input[:2])
        assert all(constants[name].dtype.name == "float32" for name in node.input[2:])
        per_channel = constants[quantised[node.input[1]].input[1]]
        assert per_channel.shape in ((16,), (10,))


def test_a_model_without_weights_has_nothing_to_quantise(make_job: MakeJob) -> None:
    job = make_job(torch.nn.Softmax(dim=1), "model.onnx", image=torch.randn(1, 3, 8, 8))
    calibrated = replace(job, calibration=({"image": torch.randn(1, 3, 8, 8)},))
    for quantiser in ("onnxruntime", "nncf", "tensorrt"):
        with pytest.raises(ExportError, match="with weights: there is nothing to quantise"):
            Onnx().export(replace(calibrated, precision="int8", quantiser=quantiser))


def test_the_quantiser_is_in_the_key_and_only_where_one_is_asked(tiny_spec: Callable[..., Any]) -> None:
    spec = tiny_spec()

    def key(**options: Any) -> str:
        return cache_key(key_document(spec, "onnx", ExportOptions(**options)))

    assert key() == key(quantiser="nncf")
    assert key(precision="int8") == key(precision="int8", quantiser="onnxruntime")
    assert key(precision="int8") != key(precision="int8", quantiser="nncf")
    with pytest.raises(ExportError, match="nncf makes int8; not int8-dynamic"):
        check_request(spec, "onnx", ExportOptions(precision="int8-dynamic", quantiser="nncf"))
    assert find_quantiser("nncf").name == "nncf"


def test_quantised_files_are_valid_onnx(job: ExportJob) -> None:
    Onnx().export(replace(job, precision="int8"))
    onnx.checker.check_model(str(job.path), full_check=True)


def test_a_damaged_file_is_left_to_the_runtime_to_judge(tmp_path: Path) -> None:
    made = random.Random(1)
    weights = onnx.numpy_helper.from_array(np.ones((4, 4), np.float16), "w")
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT16, [1, 4]) for name in ("x", "y")]
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:], [weights])
    whole = onnx.helper.make_model(graph).SerializeToString()
    path, answers = tmp_path / "damaged.onnx", set()
    for _ in range(2000):
        content = bytearray(whole[: made.randrange(1, len(whole) + 1)])
        content[made.randrange(len(content))] = made.randrange(256)
        path.write_bytes(content)
        answers.add(is_single_precision(str(path)))
    assert answers == {True, False}


def test_a_conversion_without_an_input_is_one_of_no_constant() -> None:
    graph = onnx.helper.make_graph([onnx.helper.make_node("Cast", [], ["y"], to=1)], "g", [], [])
    layers = weighted_layers(onnx.helper.make_model(graph).SerializeToString())
    assert (layers.precisions, layers.conversions) == ({}, 1)
