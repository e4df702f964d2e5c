"""The ONNX exporter keeps its promises: opset, names, static shapes, standard operators, large weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.formats import onnx as onnx_format
from latency_bench.harness.export.job import ExportJob

MakeJob = Callable[..., ExportJob]
Run = Callable[[Path, dict[str, Any]], dict[str, Any]]


class Block(torch.nn.Module):
    """Something to fold, something to simplify."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 6, 3)
        self.norm = torch.nn.BatchNorm2d(6)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(image))
        return torch.nn.functional.gelu(x.reshape(x.shape[0], 2, 3, -1)).flatten(1)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("opset", [11, 13, 17, 18, 20])
def test_the_opset_that_was_asked_for_is_saved(
    make_job: MakeJob, runners: dict[str, Run], image: torch.Tensor, opset: int
) -> None:
    job = make_job(Block(), "model.onnx", opset=opset, image=image)
    conversion = onnx_format.export(job)
    saved = onnx.load(str(job.path))
    assert [(entry.domain, entry.version) for entry in saved.opset_import if entry.domain == ""] == [("", opset)]
    assert conversion.facts["opset"] == opset
    assert ("dynamo" in conversion.facts["exporter"]) == (opset >= 18)
    assert conversion.facts["nodes"] == len(saved.graph.node)
    assert [path.name for path in job.path.parent.iterdir()] == ["model.onnx"]
    computed = runners["onnx"](job.path, {"image": image.numpy()})["result"]
    torch.testing.assert_close(torch.from_numpy(computed), job.outputs["result"], atol=1e-5, rtol=1e-5)


def test_an_exporter_that_saves_another_opset_is_caught(
    make_job: MakeJob, image: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_format, "FIRST_DYNAMO_OPSET", 13)  # dynamo saves 18, whatever it is asked for
    job = make_job(torch.nn.GELU(), "model.onnx", image=image)
    with pytest.raises(ExportError, match=r"opset 13 was asked for.*18"):
        onnx_format.export(job)


def test_the_graph_is_simplified(make_job: MakeJob, image: torch.Tensor) -> None:
    conversion = onnx_format.export(make_job(Block(), "model.onnx", image=image))
    assert conversion.facts["nodes"] < conversion.facts["nodes_traced"]
    assert "BatchNormalization" not in conversion.facts["operators"]


def test_weights_beyond_one_message_go_beside_the_model(
    make_job: MakeJob, runners: dict[str, Run], image: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_format, "MAX_PROTOBUF_BYTES", 100)
    module = torch.nn.Conv2d(3, 300, 3)  # onnx leaves tensors below 1 kB in the model
    job = make_job(module, "model.onnx", image=image)
    conversion = onnx_format.export(job)
    assert conversion.external_data == ("model.onnx.data",)
    assert {path.name for path in job.path.parent.iterdir()} == {"model.onnx", "model.onnx.data"}
    assert job.path.stat().st_size < 3000 < job.path.with_name("model.onnx.data").stat().st_size
    computed = runners["onnx"](job.path, {"image": image.numpy()})["result"]
    torch.testing.assert_close(torch.from_numpy(computed), job.outputs["result"], atol=1e-5, rtol=1e-5)
    # Other weights are another file, although the graph is the same.
    module.weight.data += 1
    other = make_job(module, "model.onnx", image=image)
    onnx_format.export(other)
    assert other.path.read_bytes() != job.path.read_bytes()


def test_an_operator_from_outside_the_standard_is_refused(make_job: MakeJob, image: torch.Tensor) -> None:
    job = make_job(torch.nn.ReLU(), "model.onnx", image=image)
    onnx_format.export(job)
    model = onnx.load(str(job.path))
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
    onnx.save(model, str(job.path))
    with pytest.raises(ExportError, match="outside the standard: Relu"):
        onnx_format.check(job)


def test_other_names_or_shapes_are_refused(make_job: MakeJob, image: torch.Tensor) -> None:
    job = make_job(torch.nn.ReLU(), "model.onnx", image=image)
    onnx_format.export(job)
    model = onnx.load(str(job.path))
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, str(job.path))
    with pytest.raises(ExportError, match="outputs are"):
        onnx_format.check(job)


def test_outputs_of_unknown_size_are_declared_and_stated_ones_are_left(make_job: MakeJob, image: torch.Tensor) -> None:
    # As the exporter leaves a model whose weights are too large for the inference of shapes.
    job = make_job(torch.nn.Flatten(), "model.onnx", image=image)
    onnx_format.export(job)
    model = onnx.load(str(job.path))
    sizes = model.graph.output[0].type.tensor_type.shape.dim
    sizes[0].dim_param = "batch"
    onnx_format.declare_outputs(model, {"result": (2, 192)})
    assert [size.dim_value for size in sizes] == [2, 192]
    onnx_format.declare_outputs(model, {"result": (7, 7)})
    assert [size.dim_value for size in sizes] == [2, 192]
    # A shape that the graph cannot have is found by the checker, which infers them all.
    sizes[1].dim_param = "unknown"
    onnx_format.declare_outputs(model, {"result": (2, 100)})
    onnx.save(model, str(job.path))
    with pytest.raises(onnx.shape_inference.InferenceError):
        onnx_format.check(job)
