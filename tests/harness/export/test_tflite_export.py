"""The TFLite exporter: built-in operators only, the spec's names, and how much XNNPACK takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.formats import tflite as tflite_format
from latency_bench.harness.export.job import ExportJob
from latency_bench.harness.export.tflite_delegation import xnnpack_delegation
from latency_bench.harness.export.tflite_graph import read_graph, rename_tensors

pytestmark = pytest.mark.xdist_group("litert_torch")

MakeJob = Callable[..., ExportJob]
Run = Callable[[Path, dict[str, Any]], dict[str, Any]]


class PadsWithOnes(torch.nn.Module):
    """A constant padding in the middle, which XNNPACK does not take."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 4, 1)
        self.second = torch.nn.Conv2d(4, 4, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.second(F.pad(self.first(image), (1, 1, 1, 1), value=1.0))
        return result


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def to_custom(path: Path, operator: str, custom_code: str) -> None:
    """Turn one built-in operator of a file into a custom one."""
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    wanted = getattr(schema.BuiltinOperator, operator)
    for code in model.operatorCodes:
        if code.builtinCode == wanted:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
            code.customCode = custom_code
    for node in model.subgraphs[0].operators:
        if model.operatorCodes[node.opcodeIndex].builtinCode == schema.BuiltinOperator.CUSTOM:
            node.builtinOptionsType, node.builtinOptions = 0, None
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def test_what_xnnpack_leaves_outside_is_counted(
    make_job: MakeJob, image: torch.Tensor, runners: dict[str, Run]
) -> None:
    job = make_job(PadsWithOnes(), "model.tflite", image=image)
    conversion = tflite_format.export(job)
    assert conversion.facts["xnnpack"] == {"partitions": 2, "outside": {"PADV2": 1}}
    assert conversion.facts["operators"] == {"CONV_2D": 2, "PADV2": 1}
    computed = runners["tflite"](job.path, {"image": image.numpy()})["result"]
    torch.testing.assert_close(torch.from_numpy(computed), job.outputs["result"], atol=1e-5, rtol=1e-5)


def test_a_custom_operator_is_refused(make_job: MakeJob, image: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Tanh()), "model.tflite", image=image)
    tflite_format.export(job)
    assert not read_graph(job.path).custom_operators
    assert xnnpack_delegation(job.path) == {"partitions": 1, "outside": {}}
    to_custom(job.path, "TANH", "FlexTanh")
    graph = read_graph(job.path)
    assert graph.custom_operators == {"FlexTanh"}
    assert graph.operators == {"CONV_2D": 1, "FlexTanh": 1}

    import latency_bench.harness.export.tflite_graph as tflite_graph

    def to_custom_after(path: Path, *names: list[str]) -> None:
        rename_tensors(path, *names)
        to_custom(path, "TANH", "FlexTanh")

    monkeypatch.setattr(tflite_graph, "rename_tensors", to_custom_after)
    with pytest.raises(ExportError, match=r"not built in.*FlexTanh"):
        tflite_format.export(job)


def test_what_cannot_be_converted_is_an_error(make_job: MakeJob, image: torch.Tensor) -> None:
    class Complex(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            eigenvalues: torch.Tensor = torch.linalg.eigvals(image)
            return eigenvalues.real

    with pytest.raises(Exception, match="eigvals"):
        tflite_format.export(make_job(Complex(), "model.tflite", image=image))


def test_tensors_are_not_renamed_by_position_alone(make_job: MakeJob, image: torch.Tensor) -> None:
    job = make_job(torch.nn.Tanh(), "model.tflite", image=image)
    tflite_format.export(job)
    before = job.path.read_bytes()
    with pytest.raises(ExportError, match="'image' stands where 'other' was expected"):
        rename_tensors(job.path, ["other"], ["result"])
    with pytest.raises(ExportError, match="1 tensors where 2 were expected"):
        rename_tensors(job.path, ["image", "second"], ["result"])
    assert job.path.read_bytes() == before


def test_a_file_that_is_no_tflite_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"\x08\0\0\0ONNXsomething else entirely")
    with pytest.raises(ExportError, match="not a TFLite file"):
        read_graph(tmp_path / "model.tflite")
