"""The check tells a module's outputs from those for other inputs; scripts/check_sight.py asks this of every model."""

from __future__ import annotations

import pytest
import torch

from latency_bench.harness.fidelity.outputs import MAX_RELATIVE_ERROR
from latency_bench.harness.fidelity.sight import sight
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import load_spec
from latency_bench.model_specs.spec import OutputSpec


@pytest.mark.parametrize(
    "model",
    ["b0-cls-r224", "b0-seg", *(pytest.param(m, marks=pytest.mark.slow) for m in ("vapsr-bsd100", "timm:regnetx_002"))],
)
def test_outputs_for_another_input_never_pass_and_right_ones_do(model: str) -> None:
    spec = load_spec(model).at((64, 64))
    found = sight(build_module(spec), spec, tuple(MAX_RELATIVE_ERROR))
    assert {precision: seen.of_right.passed for precision, seen in found.items()} == dict.fromkeys(found, True)
    assert not [precision for precision, seen in found.items() if seen.is_blind_pass]


class SmallSteps(torch.nn.Module):
    """Outputs of 1, of which a thousandth is of the image: any limit but fp32's lets another image's pass."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return 1 + 1e-3 * torch.tanh(image)


def test_a_model_whose_outputs_hardly_change_is_seen_through_in_every_precision() -> None:
    spec = load_spec("b0-cls-r224").at((64, 64)).model_copy(update={"outputs": (OutputSpec(name="logits"),)})
    found = sight(SmallSteps(), spec, tuple(MAX_RELATIVE_ERROR))
    assert not [precision for precision, seen in found.items() if seen.is_blind_pass]
    assert all(seen.of_right.passed for seen in found.values())
