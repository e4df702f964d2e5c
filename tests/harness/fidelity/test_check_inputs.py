"""Outputs are compared on what users feed, and a limit takes into account what the fp32 module itself is off by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latency_bench.harness.export.artifact import Artifact, Tensor
from latency_bench.harness.export.options import ExportOptions
from latency_bench.harness.export.reference import run_module, seeded_inputs
from latency_bench.harness.export.references import write_references
from latency_bench.harness.export.rounding import in_float64
from latency_bench.harness.fidelity.check import check_fidelity
from latency_bench.harness.store.outcome import FidelityRecord
from latency_bench.model_specs.catalog import load_spec
from latency_bench.model_specs.spec import ModelSpec, OutputSpec

SPEC = load_spec("bsrn-bsd100").at((48, 64)).model_copy(update={"outputs": (OutputSpec(name="upscaled"),)})
BOTH = ("noise", "natural")


class ExplodesOnNoise(torch.nn.Module):
    """As a trained super-resolution network does: what differs from pixel to pixel is amplified and taken back, so that
    rounding errors stay. Photographs, which are smooth, are barely touched. `order` is another right implementation."""

    def __init__(self, order: int = 0) -> None:
        super().__init__()
        self.order = order
        self.scale = torch.nn.Parameter(torch.tensor(3.0e8), requires_grad=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        rough = (image - F.avg_pool2d(image, 3, 1, 1)).abs().mean()
        amplified = self.scale * rough**6
        if self.order:
            return (image * 0.7 + amplified) + image * 0.3 - amplified
        return image + amplified - amplified


def artifact_of(module: torch.nn.Module, folder: Path, spec: ModelSpec = SPEC) -> Artifact:
    """What an export of the module leaves behind, but for the file."""
    written = write_references(module, spec, ExportOptions(), folder, 0)
    ((name, output),) = written.outputs.items()
    return Artifact(
        folder / "model.onnx",
        "onnx",
        "0" * 64,
        1,
        (),
        (Tensor(name, tuple(output.shape), "float32", "NCHW"),),
        folder / "reference.npz",
        {check: folder / file for check, file in written.checks.items()},
        facts=written.facts,
    )


def judged(artifact: Artifact, folder: Path, deployed: dict[str, Any], precision: str = "fp32") -> FidelityRecord:
    files = {}
    for name, values in deployed.items():
        files[name] = folder / f"deployed-{name}.npz"
        np.savez(files[name], upscaled=np.asarray(values))
    return check_fidelity(SPEC, artifact, files.pop("noise", None), precision, check_outputs=files)


def computed(module: torch.nn.Module, seed: int = 0) -> dict[str, np.ndarray]:
    return {name: run_module(module, SPEC, seeded_inputs(SPEC, 1, seed, name))["upscaled"].numpy() for name in BOTH}


@pytest.fixture(scope="module")
def exploding(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return artifact_of(ExplodesOnNoise(), tmp_path_factory.mktemp("exploding"))


def test_what_two_right_implementations_cannot_agree_on_is_no_fault(exploding: Artifact, tmp_path: Path) -> None:
    other = computed(ExplodesOnNoise(order=1))
    with np.load(exploding.reference, allow_pickle=False) as reference:  # type: ignore[arg-type]
        off = float(np.abs(reference["upscaled"] - other["noise"]).max() / np.abs(reference["upscaled"]).max())
    assert off > 1e-3, "the case has to be one that the limit of fp32 alone refuses"
    record = judged(exploding, tmp_path, other)
    assert record.passed is True
    noise, natural = record.checks
    assert noise.rounding_error["upscaled"] > 1e-4  # type: ignore[operator]
    assert noise.tolerance["max_rel"] > off  # type: ignore[operator]
    assert natural.rounding_error["upscaled"] < 1e-5  # type: ignore[operator]
    assert natural.tolerance["max_rel"] == 1e-3


@pytest.mark.parametrize("wrong", ["another input", "flipped", "zeros", "one place", "not finite"])
def test_what_is_wrong_still_fails(exploding: Artifact, tmp_path: Path, wrong: str) -> None:
    outputs = computed(ExplodesOnNoise(), seed=9 if wrong == "another input" else 0)
    for values in outputs.values():
        if wrong == "flipped":
            values[...] = values[..., ::-1].copy()
        elif wrong == "zeros":
            values[...] = 0
        elif wrong == "one place":
            values[0, 0, 0, 0] += 0.2
        elif wrong == "not finite":
            values[0, 0, 0, 0] = np.nan
    assert judged(exploding, tmp_path, outputs).passed is False


def test_it_is_enough_to_be_wrong_on_the_natural_image(tmp_path: Path) -> None:
    artifact = artifact_of(torch.nn.Tanh(), tmp_path)
    outputs = computed(torch.nn.Tanh())
    assert judged(artifact, tmp_path, outputs).passed is True
    # An artifact that breaks on smooth areas alone, as half precision that overflows in sums over all pixels does.
    outputs["natural"][0, :, :4] = np.nan
    record = judged(artifact, tmp_path, outputs)
    assert (record.passed, record.input) == (False, "natural")
    assert "on the input natural" in str(record.reason)
    assert [check.passed for check in record.checks] == [True, False]


def test_noise_that_explodes_in_half_precision_leaves_the_verdict_to_the_natural_image(
    exploding: Artifact, tmp_path: Path
) -> None:
    outputs = computed(ExplodesOnNoise())
    outputs["noise"][...] = np.nan
    record = judged(exploding, tmp_path, outputs, "fp16")
    assert (record.passed, record.input) == (True, "natural")
    assert record.checks[0].passed is None
    assert "the fp32 module itself is off by" in str(record.reason)
    outputs["natural"][...] = 0
    assert judged(exploding, tmp_path, outputs, "fp16").passed is False


def test_outputs_for_the_natural_image_that_are_missing_are_not_passed_over(
    exploding: Artifact, tmp_path: Path
) -> None:
    outputs = computed(ExplodesOnNoise())
    del outputs["natural"]
    record = judged(exploding, tmp_path, outputs)
    assert record.passed is False
    assert "natural" in str(record.reason)


class IgnoresNoise(torch.nn.Module):
    """Sees what is the same in an image and not what differs: two draws of noise are alike to it."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean((2, 3), keepdim=True).mul(1e-6).add(1.0).expand_as(image)


def test_every_output_has_to_be_seen_on_one_input_at_least(tmp_path: Path) -> None:
    artifact = artifact_of(IgnoresNoise(), tmp_path)
    another = computed(IgnoresNoise(), seed=9)
    record = judged(artifact, tmp_path, another)
    assert record.passed is None
    assert "hardly depend on the input" in str(record.reason)


class KeepsSingle(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1,), 1.1), requires_grad=False)
        self.constant = torch.full((3, 3), 0.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return (image * self.weight).transpose(1, 3) @ self.constant


def test_a_module_that_has_no_float64_is_judged_by_the_plain_limits_and_says_so(tmp_path: Path) -> None:
    module = KeepsSingle()
    written = write_references(module, SPEC, ExportOptions(), tmp_path, 0)
    assert "rounding_errors" not in written.facts
    assert "dtype" in written.facts["no_float64_because"]
    assert module.weight.dtype == torch.float32
    too_large = write_references(torch.nn.Tanh(), SPEC, ExportOptions(), tmp_path, 2**60)
    assert "GiB of memory" in too_large.facts["no_float64_because"]


def test_float64_leaves_every_bit_of_the_module_as_it_was() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with in_float64(module):
        assert module(torch.zeros(1, 3, 8, 8, dtype=torch.float64)).dtype == torch.float64
    after = module.state_dict()
    assert all(
        torch.equal(tensor, after[name]) and tensor.dtype == after[name].dtype for name, tensor in before.items()
    )


@pytest.mark.parametrize(
    ("model", "low", "high"), [("b0-cls-r224", -2.2, 2.7), ("bsrn-bsd100", 0.0, 1.0), ("sam-l0-box", -2.2, 2.7)]
)
def test_natural_images_are_normalised_as_the_spec_says(model: str, low: float, high: float) -> None:
    spec = load_spec(model).at((64, 64))
    image = seeded_inputs(spec, 1, 0, "natural")["image"]
    assert low <= float(image.min()) < low + 0.25 * (high - low)
    assert high - 0.25 * (high - low) < float(image.max()) <= high
