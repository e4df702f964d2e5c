"""Images that are fed as pixels or as float16: the artifact makes of them what the module gets otherwise, by value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench_worker.inputs import generate, in_artifact_layout
from bench_worker.job import InputTensor
from latency_bench.harness.export.carried_inputs import carried_values
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.exporter import check_request, export_artifact
from latency_bench.harness.export.inputs import NATURAL, NOISE, describe_inputs
from latency_bench.harness.export.options import ExportOptions
from latency_bench.model_specs.spec import InputSpec

CLOSE = {"uint8": 1e-5, "float16": 5e-3}


def drawn(spec, name: str) -> dict[str, np.ndarray]:
    """What the worker feeds, channel-first."""
    found = {}
    for described in describe_inputs(spec, name=name):
        described["shape"] = tuple(described["shape"])
        found[described["name"]] = generate(InputTensor(**described))
    return found


@pytest.mark.parametrize(
    "format_", ["onnx", *(pytest.param(name, marks=pytest.mark.slow) for name in ("tflite", "pt2"))]
)
def test_the_artifact_computes_the_same_of_what_it_is_fed(tiny_spec, runners, tmp_path: Path, format_: str) -> None:
    """Of a natural image, which is the same picture whatever it is carried as: the usual export, whose values are
    normalised outside of the graph, is the yardstick."""
    spec = tiny_spec("two_inputs")
    usual = export_artifact(spec, format_, cache=tmp_path)
    expected = dict(np.load(usual.check_references[NATURAL]))
    for type_, atol in CLOSE.items():
        carried = spec.carrying(type_)
        artifact = export_artifact(carried, format_, cache=tmp_path)
        assert artifact.sha256 != usual.sha256
        picture, extra = artifact.inputs
        assert (picture.dtype, extra.dtype) == (type_, "float32")
        pixels_last = format_ == "tflite" or type_ == "uint8"
        assert (picture.shape, picture.layout) == (((1, 9, 11, 3), "NHWC") if pixels_last else ((1, 3, 9, 11), "NCHW"))
        for name, reference in ((NOISE, artifact.reference), (NATURAL, artifact.check_references[NATURAL])):
            fed = drawn(carried, name)
            if format_ != "tflite":  # whose runner turns the image itself
                fed["picture"] = in_artifact_layout(fed["picture"], picture.layout)
            assert fed["picture"].dtype == type_
            wanted = dict(np.load(reference))
            for computed, own in zip(runners[format_](artifact.path, fed).values(), wanted.values(), strict=True):
                np.testing.assert_allclose(computed, own, atol=1e-4)
        for output, values in np.load(artifact.check_references[NATURAL]).items():
            np.testing.assert_allclose(values, expected[output], atol=atol)


@given(arrays.arrays(np.uint8, (1, 3, 4, 5)), st.sampled_from(["normal", "uniform"]))
def test_pixels_come_back_exactly_from_normalised_values(pixels: np.ndarray, distribution: str) -> None:
    plain = InputSpec(name="image", shape=(3, 4, 5), distribution=distribution, low=-1.0, high=1.0)
    tensor = plain.model_copy(update={"carried_as": "uint8"})
    mean, std = (np.array(part).reshape(3, 1, 1) for part in tensor.normalisation)
    normalised = ((pixels / 255 - mean) / std).astype(np.float32)
    assert (carried_values(normalised, tensor) == pixels).all()
    assert carried_values(normalised, plain) is not None
    assert carried_values(normalised, plain.model_copy(update={"carried_as": "float16"})).dtype == np.float16


def test_what_cannot_be_is_refused_before_anything_runs(tiny_spec) -> None:
    spec = tiny_spec("conv")
    with pytest.raises(ExportError, match="ncnn files take no images as uint8"):
        check_request(spec.carrying("uint8"), "ncnn", ExportOptions())
    with pytest.raises(ExportError, match="calibrated for float32 images"):
        check_request(spec.carrying("uint8"), "tflite", ExportOptions(precision="int8"))
    vectors = spec.model_copy(update={"inputs": (InputSpec(name="vector", shape=(7,)),)})
    with pytest.raises(ValueError, match="does not take an image of three channels"):
        vectors.carrying("uint8")
