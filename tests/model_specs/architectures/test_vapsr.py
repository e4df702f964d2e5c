"""VapSR: against stored outputs (the full network agreed with the authors' code to 1e-6 of its range); its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latency_bench.model_specs.architectures import vapsr

SMALL = {"width": 8, "depth": 2, "attention_width": 12, "tail_width": 8}


def test_agrees_with_stored_output(seeded, image) -> None:
    output = seeded(vapsr.build(**SMALL))(image(16, 24)).numpy()
    assert output.shape == (1, 3, 32, 48)
    np.testing.assert_allclose(output[0, :, 5, 7], [0.4745028, -0.7751727, -0.6579251], atol=1e-4)
    np.testing.assert_allclose(output[0, :, -1, -1], [0.7329804, -0.2260519, -0.1367724], atol=1e-4)
    assert output.mean() == pytest.approx(-0.0826182, abs=1e-4)


def test_has_the_published_size(meta_counts) -> None:
    params, macs = meta_counts(vapsr.build, (3, 160, 240))
    assert params == 329_236
    assert macs == 12_329_164_800


def test_attention_sees_17_by_17_pixels() -> None:
    attention = vapsr.LargeKernelAttention(width=1)
    for parameter in attention.parameters():
        parameter.data.fill_(1.0)
    x = torch.ones(1, 1, 31, 31, requires_grad=True)
    attention(x)[0, 0, 15, 15].backward()
    assert x.grad is not None
    rows = x.grad[0, 0].abs().sum(dim=1).nonzero().flatten()
    columns = x.grad[0, 0].abs().sum(dim=0).nonzero().flatten()
    assert (rows.min(), rows.max()) == (15 - 8, 15 + 8)
    assert (columns.min(), columns.max()) == (15 - 8, 15 + 8)


def test_features_leave_a_block_normalised_over_channels(seeded) -> None:
    block = seeded(vapsr.Block(width=8, attention_width=12))
    block.pixel_norm.weight.data.fill_(1.0)
    block.pixel_norm.bias.data.zero_()
    out = block(torch.randn(1, 8, 9, 9, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(out.mean(dim=1), torch.zeros(1, 9, 9), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var(dim=1, unbiased=False), torch.ones(1, 9, 9), atol=1e-3, rtol=0)


def test_onnx_agrees(seeded, image, onnx_outputs) -> None:
    network, picture = seeded(vapsr.build(**SMALL)), image(16, 24)
    np.testing.assert_allclose(onnx_outputs(network, [picture])[0], network(picture), atol=1e-5)


@pytest.mark.slow
def test_tflite_agrees(seeded, image, tflite_outputs) -> None:
    network, picture = seeded(vapsr.build(**SMALL)), image(16, 24)
    np.testing.assert_allclose(tflite_outputs(network, [picture])[0], network(picture), atol=1e-5)
