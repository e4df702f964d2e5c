"""Outputs that agree prove something only where the outputs for another input would not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latency_bench.harness.export.artifact import Artifact, Tensor
from latency_bench.harness.export.reference import output_changes, seeded_inputs
from latency_bench.harness.fidelity.check import check_fidelity
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import load_spec
from latency_bench.model_specs.spec import ModelSpec

SPEC = load_spec("b0-cls-r224")


def checked(tmp_path: Path, reference: np.ndarray, deployed: np.ndarray, change: float | None) -> Any:
    for name, values in (("reference", reference), ("deployed", deployed)):
        np.savez(tmp_path / f"{name}.npz", logits=values)
    tensor = Tensor("logits", reference.shape, "float32", "NCHW")
    facts = {} if change is None else {"output_changes": {"noise": {"logits": change}}}
    artifact = Artifact(
        tmp_path / "m.onnx", "onnx", "0" * 64, 1, (), (tensor,), tmp_path / "reference.npz", facts=facts
    )
    return check_fidelity(SPEC, artifact, tmp_path / "deployed.npz")


def logits(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((1, 1000)).astype(np.float32)


@pytest.mark.parametrize(("change", "passed"), [(1.0, True), (4e-5, True), (2e-5, None), (0.0, None)])
def test_the_error_has_to_be_small_beside_what_another_input_changes(
    tmp_path: Path, change: float, passed: bool | None
) -> None:
    expected = logits(0)
    off = expected.copy()
    off[0, 0] += 1e-5
    record = checked(tmp_path, expected, off, change)
    assert record.passed is passed
    if passed is None:
        assert "hardly depend on the input" in record.reason
        assert "--weights" in record.reason


def test_outputs_that_are_zero_for_every_input_never_pass(tmp_path: Path) -> None:
    zeros = np.zeros((1, 1000), np.float32)
    assert checked(tmp_path, zeros, zeros, 0.0).passed is None


def test_what_is_wrong_fails_whatever_the_change(tmp_path: Path) -> None:
    assert checked(tmp_path, logits(0), logits(1), 0.0).passed is False


def test_an_artifact_from_before_changes_were_kept_is_judged_as_before(tmp_path: Path) -> None:
    assert checked(tmp_path, logits(0), logits(0), None).passed is True


def small(name: str) -> ModelSpec:
    spec = load_spec(f"timm:{name}")
    return spec if spec.resolution_argument else spec.at((64, 64))


@pytest.mark.parametrize(
    "name",
    [
        "mixer_s32_224",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("hiera_tiny_224", "cait_xxs24_224", "gmlp_s16_224")),
    ],
)
def test_models_that_begin_closed_are_opened_so_that_another_image_is_told_apart(name: str) -> None:
    spec = small(name)
    module = build_module(spec)
    with torch.inference_mode():
        outputs = {"logits": module(*seeded_inputs(spec, 1, 0).values())}
    (change,) = output_changes(module, spec, 1, 0, outputs).values()
    assert change > 0.05 * float(outputs["logits"].abs().max())


def test_a_model_that_ignores_its_input_is_seen_through() -> None:
    class Ignores(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.ones(1, 1000)

    assert output_changes(Ignores(), SPEC, 1, 0, {"logits": torch.ones(1, 1000)}) == {"logits": 0.0}
