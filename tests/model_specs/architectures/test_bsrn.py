"""BSRN: against stored outputs (the full network agreed with the authors' code to 3e-7 of its range), and its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latency_bench.model_specs.architectures import bsrn

SMALL = {"width": 16, "depth": 2}


def test_agrees_with_stored_output(seeded, image) -> None:
    output = seeded(bsrn.build(**SMALL))(image(16, 24)).numpy()
    assert output.shape == (1, 3, 32, 48)
    np.testing.assert_allclose(output[0, :, 5, 7], [-0.3972764, -1.2309283, -0.8525341], atol=1e-4)
    np.testing.assert_allclose(output[0, :, -1, -1], [0.2595856, -0.1179008, -0.190281], atol=1e-4)
    assert output.mean() == pytest.approx(-0.2929276, abs=1e-4)


def test_has_the_published_size(meta_counts) -> None:
    params, macs = meta_counts(bsrn.build, (3, 160, 240))
    assert params == 331_628
    assert macs == 11_988_466_048


def test_contrast_attention_weighs_by_deviation_plus_mean(seeded) -> None:
    attention = seeded(bsrn.ContrastAttention(width=16))
    x = torch.randn(2, 16, 7, 9, generator=torch.Generator().manual_seed(0))
    statistic = x.std(dim=(2, 3), unbiased=False, keepdim=True) + x.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(attention(x), x * attention.conv_du(statistic))


def test_block_adds_to_its_input(seeded) -> None:
    block = seeded(bsrn.DistillationBlock(width=16))
    block.c5.weight.data.zero_()
    block.c5.bias.data.zero_()
    x = torch.randn(1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x), x)


def test_onnx_agrees(seeded, image, onnx_outputs) -> None:
    network, picture = seeded(bsrn.build(**SMALL)), image(16, 24)
    np.testing.assert_allclose(onnx_outputs(network, [picture])[0], network(picture), atol=1e-5)


@pytest.mark.slow
def test_tflite_agrees(seeded, image, tflite_outputs) -> None:
    network, picture = seeded(bsrn.build(width=16, depth=1)), image(16, 24)
    np.testing.assert_allclose(tflite_outputs(network, [picture])[0], network(picture), atol=1e-5)
