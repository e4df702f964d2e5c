"""SegNeXt: stored outputs (backbone and factorisation agreed exactly with the authors' code, weights mapped in order of
execution), properties of the factorisation, and both exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latency_bench.model_specs.architectures.segnext import hamburger, mscan, segmentation

SMALL: dict[str, Any] = {
    "widths": (16, 16, 24, 32),
    "depths": (1, 1, 2, 1),
    "head_width": 32,
    "rank": 4,
    "classes": 5,
}


def test_agrees_with_stored_output(seeded, image) -> None:
    output = seeded(segmentation.build(**SMALL))(image(64, 96)).numpy()
    assert output.shape == (1, 5, 8, 12)
    np.testing.assert_allclose(output[0, :, 2, 7], [-0.550706, 0.6292548, 0.2158346, 0.2822312, 0.1021621], atol=1e-4)
    np.testing.assert_allclose(
        output[0, :, -1, -1], [-0.0925008, -0.3805594, -0.1256639, 0.6212039, -0.6695683], atol=1e-4
    )


def test_features_come_at_strides_4_to_32(seeded, image) -> None:
    features = seeded(mscan.Mscan((16, 24, 32, 40), (1, 1, 1, 1), (2, 2, 2, 2)))(image(64, 96))
    assert [tuple(x.shape) for x in features] == [(1, 16, 16, 24), (1, 24, 8, 12), (1, 32, 4, 6), (1, 40, 2, 3)]


def test_strips_of_7_11_and_21_reach_as_far_as_they_are_long(seeded) -> None:
    """One pixel changes its row and column up to 10 + 2 pixels away (the local kernel adds 2), and no further."""
    attention = seeded(mscan.MultiScaleConvAttention(2))
    x = torch.zeros(1, 2, 41, 41)
    x[:, :, 20, 20] = 1.0
    mixed = attention.mix
    reached = torch.zeros(1, 2, 41, 41)
    mixed.register_forward_hook(lambda _, inputs, __: reached.copy_(inputs[0]))
    attention(torch.zeros_like(x))
    background = reached.clone()
    attention(x)
    changed = (reached - background).abs().sum(dim=(0, 1)) > 1e-6
    rows, columns = changed.nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 32, 8, 32)
    separate = attention.local(x)
    for strip, length in zip(attention.strips, (7, 11, 21), strict=True):
        kernel = strip[0].weight * strip[1].weight
        assert kernel.shape[-2:] == (length, length)
        expected = F.conv2d(attention.local(x), kernel, padding=length // 2, groups=2)
        bias = strip[1].bias + strip[0].bias * strip[1].weight.sum(dim=(1, 2, 3))
        inner = slice(length // 2, 41 - length // 2)
        got = strip(attention.local(x))[:, :, inner, inner]
        torch.testing.assert_close(got, (expected + bias[:, None, None])[:, :, inner, inner], atol=1e-5, rtol=1e-4)
        separate = separate + strip(attention.local(x))
    torch.testing.assert_close(attention(x), mixed(separate) * x)


def test_factorisation_finds_a_low_rank_map_again() -> None:
    random = np.random.RandomState(0)
    rank = 3
    exact = random.random_sample((24, rank)) @ random.random_sample((rank, 80))
    x = torch.tensor(exact.reshape(1, 24, 8, 10), dtype=torch.float32)
    errors = [
        float((hamburger.NonNegativeFactorisation(24, rank, steps, seed=0)(x) - x).norm() / x.norm())
        for steps in (0, 1, 7, 50, 400)
    ]
    # Lee and Seung's theorem: the updates never increase the error.
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02 < errors[0]


def test_factorisation_is_a_function_of_its_input_and_each_image_of_a_batch_is_its_own() -> None:
    x = torch.rand(2, 24, 4, 6, generator=torch.Generator().manual_seed(0))
    factorise = hamburger.NonNegativeFactorisation(24, 4, 7, seed=0)
    output = factorise(x)
    assert bool((output >= 0).all())
    assert torch.equal(output, factorise(x))
    assert torch.equal(output, hamburger.NonNegativeFactorisation(24, 4, 7, seed=0)(x))
    torch.testing.assert_close(output[1:], factorise(x[1:]))
    assert not torch.allclose(output, hamburger.NonNegativeFactorisation(24, 4, 7, seed=1)(x))


def test_onnx_agrees(seeded, image, onnx_outputs) -> None:
    module, x = seeded(segmentation.build(**SMALL)), image(64, 96)
    (output,) = onnx_outputs(module, [x])
    np.testing.assert_allclose(output, module(x).numpy(), atol=1e-5)


@pytest.mark.slow
def test_tflite_agrees(seeded, image, tflite_outputs) -> None:
    # One block a stage and two steps: the converter's time grows with the number of operators.
    fewer = {**SMALL, "depths": (1, 1, 1, 1), "factorisation_steps": 2}
    module, x = seeded(segmentation.build(**fewer)), image(64, 96)
    (output,) = tflite_outputs(module, [x])
    np.testing.assert_allclose(output, module(x).numpy(), atol=1e-5)
