"""What devices are calibrated with: specs like any other, whose arithmetic and traffic are known."""

from __future__ import annotations

import pytest
import torch

from latency_bench.model_specs import UnknownModelError, list_specs, load_spec
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.calibration_specs import CONVOLUTIONS, PREFIX, PRODUCTS, SUMS
from latency_bench.model_specs.counting import count

EVERY = (*PRODUCTS, *CONVOLUTIONS, *SUMS)


def test_they_are_found_by_id_and_are_no_models_of_the_list() -> None:
    assert [load_spec(subject).id for subject in EVERY] == list(EVERY)
    assert not [spec.id for spec in list_specs() if spec.id.startswith(PREFIX)]


@pytest.mark.parametrize("subject", PRODUCTS)
def test_products_do_two_size_cubed(subject: str) -> None:
    size = int(subject.rpartition("-")[2])
    counts = count(load_spec(subject))
    assert (counts.macs, counts.params) == (2 * size**3, 2 * size**2)


@pytest.mark.parametrize(("subject", "side"), zip(CONVOLUTIONS, (28, 56, 112), strict=True))
def test_convolutions_do_two_times_nine_channels_squared_a_pixel(subject: str, side: int) -> None:
    channels = int(subject.rpartition("-")[2])
    assert count(load_spec(subject)).macs == 2 * 9 * channels**2 * side**2


@pytest.mark.parametrize("subject", SUMS)
def test_sums_do_no_products_on_tensors_of_their_size(subject: str) -> None:
    spec = load_spec(subject)
    assert count(spec).macs == 0
    size_bytes = 4 * torch.Size(spec.inputs[0].shape).numel()
    assert size_bytes == int(subject.rpartition("-")[2].rstrip("m")) << 20
    assert spec.inputs[0].shape == spec.inputs[1].shape


@pytest.mark.parametrize("subject", [PRODUCTS[0], CONVOLUTIONS[0]])
def test_values_keep_their_size_so_that_half_precision_can_hold_them(subject: str) -> None:
    spec = load_spec(subject)
    module = build_module(spec)
    generator = torch.Generator().manual_seed(0)
    output = module(torch.randn(1, *spec.inputs[0].shape, generator=generator))
    assert 0.2 < output.pow(2).mean().sqrt() < 5
    assert output.abs().max() < 100


@pytest.mark.parametrize("wrong", [f"{PREFIX}matmul-513", f"{PREFIX}add-128", f"{PREFIX}", f"{PREFIX}../../etc"])
def test_another_size_is_unknown_and_the_nearest_is_named(wrong: str) -> None:
    with pytest.raises(UnknownModelError, match=f"nearest: {PREFIX}"):
        load_spec(wrong)
