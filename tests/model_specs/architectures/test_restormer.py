"""Restormer: against stored outputs (the full network agreed with the authors' code to 2e-6 of its range, weights
mapped by name), against what its parts must do, and through both exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latency_bench.model_specs.architectures import restormer
from latency_bench.model_specs.errors import SpecError

SMALL: dict[str, Any] = {"width": 8, "depths": (1, 2, 1, 1), "refinement_depth": 1}


def test_agrees_with_stored_output(seeded, image) -> None:
    output = seeded(restormer.build(**SMALL))(image(16, 24)).numpy()
    assert output.shape == (1, 3, 32, 48)
    np.testing.assert_allclose(output[0, :, 5, 7], [0.9188574, 1.3371943, -1.0106821], atol=1e-4)
    np.testing.assert_allclose(output[0, :, -1, -1], [0.3146902, 0.2712185, 0.9778663], atol=1e-4)
    assert output.mean() == pytest.approx(0.5477855, abs=1e-4)


@pytest.mark.parametrize(
    ("scale", "height", "width", "macs_g"), [(1, 512, 512, 619.528), (1, 160, 240, 90.751), (2, 512, 512, 621.567)]
)
def test_has_the_published_size(meta_counts, scale: int, height: int, width: int, macs_g: float) -> None:
    params, macs = meta_counts(lambda: restormer.build(scale=scale), (3, height, width))
    assert params == 26_126_644 + (96 * 9 * 9 if scale == 2 else 0)
    assert macs / 1e9 == pytest.approx(macs_g, abs=1e-3)


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_residual_is_the_enlarged_image(image, scale: int) -> None:
    network = restormer.build(**SMALL, scale=scale)
    network.output.weight.data.zero_()
    picture = image(16, 24)
    expected = (
        F.interpolate(picture, scale_factor=scale, mode="bilinear", align_corners=False) if scale > 1 else picture
    )
    torch.testing.assert_close(network(picture), expected)


def test_attention_is_between_channels_and_ignores_where_pixels_are(seeded) -> None:
    attention = seeded(restormer.ChannelAttention(width=8, heads=2))
    # A depthwise kernel of one pixel leaves attention itself the only thing that mixes pixels.
    kernel = attention.depthwise.weight
    kernel.data = kernel * torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
    x = torch.randn(1, 8, 4, 6, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    shuffled = x.flatten(2)[:, :, order].reshape(x.shape)
    torch.testing.assert_close(
        attention(shuffled).flatten(2), attention(x).flatten(2)[:, :, order], atol=1e-5, rtol=1e-4
    )


def test_attention_is_the_softmax_of_cosine_similarities(seeded, image) -> None:
    attention = seeded(restormer.ChannelAttention(width=8, heads=2))
    x = torch.cat([image(4, 6), image(4, 6), image(4, 6)], dim=1)[:, :8]
    query, key, value = attention.depthwise(attention.qkv(x)).flatten(2).chunk(3, dim=1)
    heads = []
    for head in range(2):
        q, k, v = (part[0, 4 * head : 4 * head + 4] for part in (query, key, value))
        cosine = F.cosine_similarity(q[:, None], k[None], dim=-1)
        heads.append((cosine * attention.temperature[head]).softmax(dim=-1) @ v)
    expected = attention.project(torch.cat(heads).reshape(1, 8, 4, 6))
    torch.testing.assert_close(attention(x), expected, atol=1e-5, rtol=1e-4)


def test_refuses_what_it_cannot_be() -> None:
    with pytest.raises(SpecError, match="4 levels"):
        restormer.build(depths=(1, 1))
    with pytest.raises(SpecError, match="do not divide"):
        restormer.build(width=6, heads=(4, 4, 4, 4))


def test_onnx_agrees(seeded, image, onnx_outputs) -> None:
    network, picture = seeded(restormer.build(**SMALL)), image(16, 24)
    np.testing.assert_allclose(onnx_outputs(network, [picture])[0], network(picture), atol=2e-5)


def test_tflite_agrees_for_every_kind_of_part(seeded, tflite_outputs) -> None:
    parts = torch.nn.Sequential(restormer.Block(8, 2, 2.66), restormer.halve(8), restormer.double(16))
    x = torch.randn(1, 8, 8, 12, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(tflite_outputs(seeded(parts), [x])[0], parts(x), atol=2e-5)


@pytest.mark.slow
def test_tflite_agrees(seeded, image, tflite_outputs) -> None:
    network = seeded(restormer.build(width=8, depths=(1, 1, 1, 1), refinement_depth=0))
    picture = image(16, 16)
    np.testing.assert_allclose(tflite_outputs(network, [picture])[0], network(picture), atol=2e-5)
