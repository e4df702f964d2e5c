"""Half precision where it is safe, float32 where it is not, and the values survive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from latency_bench.harness.export.float32_layers import float32_layers
from latency_bench.harness.export.formats import onnx as onnx_format
from latency_bench.harness.export.half_precision import fits_half, linear_attention_nodes, parts_of_quotients
from latency_bench.harness.export.job import ExportJob
from latency_bench.model_specs.architectures.efficientvit.attention import HeadAttention

MakeJob = Callable[..., ExportJob]
Run = Callable[[Path, dict[str, Any]], dict[str, Any]]
FLOAT16 = onnx.TensorProto.FLOAT16


class DividesByTiny(torch.nn.Module):
    """The authors' eps, which is 0 in float16: 0 / (0 + eps) has to stay 0."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = torch.relu(image)
        return x / (x.sum(dim=(2, 3), keepdim=True) + 1e-15)


class SumsPastTheLimit(torch.nn.Module):
    """A sum of 4096 values around 40 is past 65504; the mean of it is not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 1, 1)
        torch.nn.init.constant_(self.conv.weight, 40.0)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.conv(image)
        total: torch.Tensor = x.flatten(2).sum(dim=2, keepdim=True)
        return total.reshape(1, 1, 1, 1).transpose(2, 3) / 4096.0


class Branches(torch.nn.Module):
    """An output that is also used inside, a weight used twice, and one too large for half."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.large = torch.nn.Parameter(torch.full((1, 3, 1, 1), 1e5))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        first = self.conv(image)
        second = self.conv(torch.relu(first))
        return first, second, torch.softmax(second * self.large / 1e5, dim=1)


def export(make_job: MakeJob, module: torch.nn.Module, image: torch.Tensor) -> tuple[ExportJob, dict[str, Any]]:
    job = make_job(module, "model.onnx", precision="fp16", image=image)
    return job, dict(onnx_format.export(job).facts)


def compare(job: ExportJob, run: Run, relative: float) -> None:
    computed = run(job.path, {name: tensor.numpy() for name, tensor in job.inputs.items()})
    for name, expected in job.outputs.items():
        assert np.isfinite(computed[name]).all()
        assert computed[name].dtype == np.float32
        np.testing.assert_allclose(computed[name], expected.numpy(), rtol=relative, atol=relative)


def test_a_tiny_epsilon_keeps_its_meaning(make_job: MakeJob, runners: dict[str, Run]) -> None:
    image = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    image[:, 1] = -1.0  # all zero after the ReLU
    job, facts = export(make_job, DividesByTiny(), image)
    assert {"Add", "Div", "ReduceSum"} <= set(facts["kept_fp32"])
    compare(job, runners["onnx"], relative=2e-3)


def test_a_large_sum_does_not_overflow_on_its_way(make_job: MakeJob, runners: dict[str, Run]) -> None:
    image = 1 + 0.1 * torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    job, facts = export(make_job, SumsPastTheLimit(), image)
    assert "Conv" not in facts["kept_fp32"]
    compare(job, runners["onnx"], relative=2e-3)


def test_branches_outputs_and_shared_weights(make_job: MakeJob, runners: dict[str, Run]) -> None:
    image = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    job, facts = export(make_job, Branches(), image)
    assert "Softmax" in facts["kept_fp32"]
    compare(job, runners["onnx"], relative=5e-3)
    weights = onnx.load(str(job.path)).graph.initializer
    convolution = [tensor for tensor in weights if list(tensor.dims) == [3, 3, 3, 3]]
    assert [tensor.data_type for tensor in convolution] == [FLOAT16]
    assert all(node.op_type != "Constant" for node in onnx.load(str(job.path)).graph.node)


@pytest.mark.parametrize(
    ("values", "fits"),
    [([65504.0, -1.0], True), ([65600.0, 1.0], False), ([1e-15], False), ([0.0], True), ([1e-15, 1.0], True)],
)
def test_what_fits_half(values: list[float], fits: bool) -> None:
    assert fits_half(np.array(values, np.float32)) is fits


class QkvThenAttention(torch.nn.Module):
    """Q, K and V from a convolution, as in a model, so that they are half in the file."""

    def __init__(self, similarity: str, tokens: str, gain: float) -> None:
        super().__init__()
        self.qkv = torch.nn.Conv2d(3, 48, 1, bias=False)
        torch.nn.init.normal_(self.qkv.weight, std=gain, generator=torch.Generator().manual_seed(0))
        self.attend = HeadAttention(16, similarity=similarity, tokens=tokens)  # type: ignore[arg-type]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        attended: torch.Tensor = self.attend(self.qkv(image))
        return attended


@pytest.mark.parametrize("tokens", ["columns", "rows"])
@pytest.mark.parametrize("similarity", ["relu", "relu-quadratic"])
def test_products_of_a_linear_attention_stay_float32(
    make_job: MakeJob, runners: dict[str, Run], similarity: str, tokens: str
) -> None:
    """Values around 1000 over 1024 tokens: K^T V is near 10^9, in the scaled form still past 65504."""
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) + 0.5
    job, facts = export(make_job, QkvThenAttention(similarity, tokens, 700.0), image)
    assert "MatMul" in facts["kept_fp32"]
    computed = runners["onnx"](job.path, {name: tensor.numpy() for name, tensor in job.inputs.items()})
    for name, expected in job.outputs.items():
        assert np.isfinite(computed[name]).all()
        assert np.abs(computed[name] - expected.numpy()).max() < 5e-3 * np.abs(expected.numpy()).max()


def test_products_of_a_softmax_attention_and_of_weights_are_half(make_job: MakeJob) -> None:
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    _, facts = export(make_job, QkvThenAttention("softmax-written-out", "rows", 1.0), image)
    assert "MatMul" not in facts["kept_fp32"]


def test_the_search_for_quotients_ends_at_weights_and_at_constant_divisors() -> None:
    from onnx import helper

    node = helper.make_node
    nodes = [
        node("MatMul", ["k", "v"], ["kv"]),
        node("MatMul", ["q", "kv"], ["numerator"]),
        node("MatMul", ["q", "sum"], ["raw"]),
        node("Clip", ["raw", "low"], ["denominator"]),
        node("Div", ["numerator", "denominator"], ["mean"]),
        node("MatMul", ["mean", "weight"], ["projected"]),
        node("Div", ["projected", "total"], ["quotient"]),
        node("MatMul", ["q", "k"], ["scores"]),
        node("Div", ["scores", "root"], ["scaled"]),
    ]
    values = [helper.make_tensor(name, FLOAT16, [1], [1.0]) for name in ("weight", "root", "low")]
    graph = helper.make_graph(nodes, "attention", [], [], values)
    assert parts_of_quotients(graph) == {"numerator", "denominator", "raw", "kv"}
    assert [node.output[0] for node in linear_attention_nodes(graph)] == [
        "kv", "numerator", "raw", "denominator", "mean",
    ]  # fmt: skip


@pytest.mark.parametrize("tokens", ["columns", "rows"])
def test_an_fp32_file_names_the_layers_that_a_builder_must_not_make_half(make_job: MakeJob, tokens: str) -> None:
    """From the sums over all tokens to their quotient, and what moves them, but nothing that is queries, keys or values
    alone; a softmax attention has none."""
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    job = make_job(QkvThenAttention("relu", tokens, 1.0), "model.onnx", image=image)
    onnx_format.export(job)
    graph = onnx.load(str(job.path)).graph
    named = float32_layers(job.path, "0" * 64)
    by_name = {node.name: node.op_type for node in graph.node}
    assert len(by_name) == len(graph.node)
    kinds = Counter(by_name[name] for name in named)
    assert kinds["Div"] == 1
    assert kinds["MatMul"] == sum(node.op_type == "MatMul" for node in graph.node)
    assert kinds["ReduceSum"] == 1
    assert not {"Relu", "Mul", "Conv"} & kinds.keys()
    softmax = make_job(QkvThenAttention("softmax-written-out", tokens, 1.0), "softmax.onnx", image=image)
    onnx_format.export(softmax)
    assert float32_layers(softmax.path, "1" * 64) == ()
