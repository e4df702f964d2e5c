"""What each runtime computes from an exported file is what the PyTorch module computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from latency_bench.harness.export import Artifact, ExportOptions, describe_inputs, export_artifact
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.spec import ModelSpec

Run = Callable[[Path, dict[str, Any]], dict[str, Any]]


def worker_inputs(spec: ModelSpec, options: ExportOptions) -> dict[str, np.ndarray]:
    """By name, as the worker on a device makes them."""
    descriptions = describe_inputs(spec, options.batch, options.input_seed)
    tensors = [InputTensor(**{**entry, "shape": tuple(entry["shape"])}) for entry in descriptions]
    return {tensor.name: generate(tensor) for tensor in tensors}


def assert_same(artifact: Artifact, computed: dict[str, np.ndarray], relative: float) -> None:
    """Every output within `relative` of the reference's largest value."""
    names = [tensor.name for tensor in artifact.outputs]
    if artifact.format != "pt2":
        assert list(computed) == names
    with np.load(artifact.reference, allow_pickle=False) as reference:
        assert reference.files == names
        for name, values in zip(names, computed.values(), strict=True):
            expected = reference[name]
            assert values.shape == expected.shape
            assert np.abs(values - expected).max() <= relative * np.abs(expected).max()
            assert expected.std() > 0


@pytest.mark.parametrize("format", ["onnx", "tflite", "pt2"])
def test_two_inputs_and_two_outputs_keep_names_order_and_values(
    tiny_spec: Callable[..., ModelSpec], tmp_path: Path, runners: dict[str, Run], format: str
) -> None:
    spec = tiny_spec("two_inputs")
    options = ExportOptions(batch=2, input_seed=5)
    artifact = export_artifact(spec, format, options, tmp_path / "cache")
    shapes = {tensor.name: (tensor.shape, tensor.layout) for tensor in (*artifact.inputs, *artifact.outputs)}
    if format == "tflite":
        images: dict[str, Any] = {"picture": ((2, 9, 11, 3), "NHWC"), "map": ((2, 4, 5, 5), "NHWC")}
    else:
        images = {"picture": ((2, 3, 9, 11), "NCHW"), "map": ((2, 5, 4, 5), "NCHW")}
    assert shapes == {**images, "extra": ((2, 7), "NCHW"), "code": ((2, 5), "NCHW")}
    assert [tensor.name for tensor in artifact.inputs] == ["picture", "extra"]
    assert_same(artifact, runners[format](artifact.path, worker_inputs(spec, options)), relative=1e-5)


@pytest.mark.parametrize(
    ("model_id", "format"),
    [
        ("b0-seg", "onnx"),
        ("b0-seg", "pt2"),
        ("b0-seg", "tflite"),
        pytest.param("b1-seg", "tflite", marks=pytest.mark.slow),
        pytest.param("b1-cls-r224", "onnx", marks=pytest.mark.slow),
        pytest.param("l1-seg", "tflite", marks=pytest.mark.slow),
    ],
)
def test_efficientvit_computes_the_same(
    model_id: str, format: str, shared_cache: Path, runners: dict[str, Run]
) -> None:
    spec = load_spec(model_id).at((64, 64))
    artifact = export_artifact(spec, format, cache=shared_cache)
    assert_same(artifact, runners[format](artifact.path, worker_inputs(spec, ExportOptions())), relative=1e-4)
    if model_id.endswith("-seg"):
        assert artifact.facts["upsampling"] == ("bilinear" if format == "tflite" else "bicubic")
        assert artifact.facts.get("upsampling_replaced") == ("bicubic" if format == "tflite" else None)


@pytest.mark.parametrize(
    ("model_id", "attentions"),
    [
        ("b0-seg", 4),
        pytest.param("b1-seg", 7, marks=pytest.mark.slow),
        pytest.param("l1-seg", 6, marks=pytest.mark.slow),
    ],
)
def test_segmentation_is_one_xnnpack_partition(model_id: str, attentions: int, shared_cache: Path) -> None:
    artifact = export_artifact(load_spec(model_id).at((64, 64)), "tflite", cache=shared_cache)
    assert artifact.facts["xnnpack"] == {"partitions": 1, "outside": {}}
    assert artifact.facts["operators"]["TRANSPOSE"] == 2 * attentions  # tokens to the heads, and back


def test_half_precision_onnx_of_efficientvit_keeps_its_values(shared_cache: Path, runners: dict[str, Run]) -> None:
    spec = load_spec("b0-seg").at((64, 64))
    single = export_artifact(spec, "onnx", cache=shared_cache)
    half = export_artifact(spec, "onnx", ExportOptions(precision="fp16"), shared_cache)
    assert half.size_bytes < 0.6 * single.size_bytes
    assert half.facts["precision"] == "fp16"
    assert "ReduceSum" in half.facts["kept_fp32"]
    assert [tensor.dtype for tensor in (*half.inputs, *half.outputs)] == ["float32", "float32"]
    assert_same(half, runners["onnx"](half.path, worker_inputs(spec, ExportOptions())), relative=2e-2)
