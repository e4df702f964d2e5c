"""Smaller weights in a TFLite file: it still computes the model, within what the precision is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench_worker.precisions import PRECISIONS
from latency_bench.harness.export import ExportError, ExportOptions
from latency_bench.harness.export.exporter import check_request
from latency_bench.harness.export.formats import tflite as tflite_format
from latency_bench.harness.export.job import ExportJob
from latency_bench.harness.export.key import cache_key, key_document
from latency_bench.harness.export.tflite_graph import constant_bytes, read_graph
from latency_bench.harness.export.tflite_quantize import quantize
from latency_bench.harness.fidelity.outputs import (
    MAX_RELATIVE_ERROR,
    MIN_ARGMAX_AGREEMENT,
    MIN_COSINE,
    compare_outputs,
)

pytestmark = pytest.mark.xdist_group("litert_torch")

MakeJob = Callable[..., ExportJob]
Run = Callable[[Path, dict[str, Any]], dict[str, Any]]
WEIGHT_TYPES = {"fp16-weights": "float16", "int8-dynamic": "int8", "int8": "int8"}


class Mixed(torch.nn.Module):
    """Every kind of layer that has weights, and a division that int8 cannot do."""

    def __init__(self) -> None:
        super().__init__()
        self.full = torch.nn.Conv2d(3, 16, 3, padding=1)
        self.depthwise = torch.nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.linear = torch.nn.Linear(16, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = torch.relu(self.depthwise(torch.relu(self.full(image))))
        weighed = features / (features.sum(dim=(2, 3), keepdim=True) + 1e-6)
        result: torch.Tensor = self.linear((weighed * features).sum(dim=(2, 3)))
        return result


@pytest.fixture
def job(make_job: MakeJob) -> ExportJob:
    torch.manual_seed(0)
    draw = [torch.randn(1, 3, 16, 16) for _ in range(4)]
    made = make_job(Mixed(), "model.tflite", image=draw[0])
    return replace(made, calibration=tuple({"image": image} for image in draw[1:]))


def test_the_file_is_smaller_and_computes_the_model(job: ExportJob, runners: dict[str, Run]) -> None:
    """One export for all, since converting is what takes long."""
    tflite_format.export(job)
    expected = {name: tensor.numpy() for name, tensor in job.outputs.items()}
    inputs = {name: tensor.numpy() for name, tensor in job.inputs.items()}
    original = job.path.read_bytes()
    before = constant_bytes(job.path)
    assert before["float32"] > 3000
    samples = [
        {name: tensor.permute(0, 2, 3, 1).contiguous() for name, tensor in one.items()} for one in job.calibration
    ]
    for precision, type_ in WEIGHT_TYPES.items():
        job.path.write_bytes(original)
        facts = quantize(job.path, precision, samples)
        assert facts["constant_bytes"] == constant_bytes(job.path)
        assert facts["constant_bytes"][type_] > 0.15 * before["float32"]
        assert facts["constant_bytes"].get("float32", 0) < 0.4 * before["float32"]
        assert facts.get("calibration_inputs") == (3 if precision == "int8" else None)
        assert ("DEPTHWISE_CONV_2D" in facts["layers"]) == (precision != "int8-dynamic")
        computed = runners["tflite"](job.path, inputs)
        found = compare_outputs(expected, dict(zip(expected, computed.values(), strict=True)), precision=precision)
        assert found.passed, (precision, found)
        assert found.outputs[0].max_relative_error, "the weights were rounded, so something has to differ"


def test_an_export_keeps_its_interface_and_stays_whole_in_xnnpack(job: ExportJob) -> None:
    conversion = tflite_format.export(replace(job, precision="int8"))
    graph = read_graph(job.path)
    assert [(one.name, one.dtype) for one in (*graph.inputs, *graph.outputs)] == [
        ("image", "float32"),
        ("result", "float32"),
    ]
    assert conversion.facts["quantization"]["calibration_inputs"] == 3
    assert conversion.facts["xnnpack"] == {"partitions": 1, "outside": {}}
    assert conversion.facts["operators"]["QUANTIZE"] >= 1
    assert conversion.facts["operators"]["DIV"] == 1


def test_a_model_without_weights_cannot_be_made_smaller(make_job: MakeJob) -> None:
    job = make_job(torch.nn.Softmax(dim=1), "model.tflite", image=torch.randn(1, 3, 8, 8))
    with pytest.raises(ExportError, match="no convolution or linear layer with weights"):
        tflite_format.export(replace(job, precision="int8-dynamic"))


def test_it_is_in_the_key_and_for_tflite_alone(tiny_spec: Callable[..., Any]) -> None:
    spec = tiny_spec()
    keys = {cache_key(key_document(spec, "tflite", ExportOptions(precision=one))) for one in ("fp32", *WEIGHT_TYPES)}
    assert len(keys) == 1 + len(WEIGHT_TYPES)
    for precision in WEIGHT_TYPES:
        check_request(spec, "tflite", ExportOptions(precision=precision))
        with pytest.raises(ExportError, match=f"files are exported in fp32, fp16, bf16; not in {precision}"):
            check_request(spec, "pt2", ExportOptions(precision=precision))
    with pytest.raises(ExportError, match="fp32, fp16-weights, int8-dynamic, int8; not in fp16"):
        check_request(spec, "tflite", ExportOptions(precision="fp16"))


def test_every_precision_has_its_tolerances() -> None:
    for tolerances in (MAX_RELATIVE_ERROR, MIN_COSINE, MIN_ARGMAX_AGREEMENT):
        assert set(tolerances) == {precision.name for precision in PRECISIONS}


@pytest.mark.parametrize("precision", sorted(WEIGHT_TYPES))
def test_a_wrong_layout_does_not_pass_however_coarse_the_numbers_are(precision: str) -> None:
    right = np.random.default_rng(0).standard_normal((1, 19, 16, 16)).astype(np.float32)
    wrong = {"logits": np.ascontiguousarray(right.transpose(0, 1, 3, 2))}
    assert not compare_outputs({"logits": right}, wrong, precision=precision, class_outputs=["logits"]).passed
