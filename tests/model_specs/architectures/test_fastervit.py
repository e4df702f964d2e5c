"""FasterViT: published parameter counts, stored outputs, attention against its definition, and both exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from latency_bench.model_specs.architectures.fastervit import attention, classification, positions

SMALL: dict[str, Any] = {
    "depths": (1, 1, 2, 1),
    "heads": (1, 1, 2, 4),
    "width": 8,
    "width_stem": 8,
    "classes": 10,
    "layer_scale": 0.5,
}


def test_agrees_with_stored_output(seeded, image) -> None:
    module = seeded(classification.build(resolution=(224, 224), **SMALL))
    stored = [-0.236134, 0.994977, -0.702203, -0.269190, -0.366369, 1.994580, 0.591699, 0.007768, -0.328641, -0.197008]
    np.testing.assert_allclose(module(image(224, 224)).numpy()[0], stored, atol=1e-4)


@pytest.mark.parametrize(
    ("depths", "width", "params", "macs_g"),
    [((3, 3, 12, 5), 196, 365.556, 42.68), ((3, 3, 16, 8), 320, 1360.329, 142.74)],
)
def test_has_the_size_of_the_authors_code(
    meta_counts, depths: tuple[int, ...], width: int, params: float, macs_g: float
) -> None:
    """Parameters as the authors' package has them, to the last digit known. MACs less the position networks, folded."""
    counted, macs = meta_counts(lambda: classification.build(depths, (4, 8, 16, 32), width, (224, 224)), (3, 224, 224))
    assert counted / 1e6 == pytest.approx(params, abs=5e-4)
    assert macs / 1e9 == pytest.approx(macs_g, abs=0.01)


def test_attention_is_softmax_attention_with_a_bias_of_the_offset(seeded) -> None:
    width, heads, grid, extra = 8, 2, (2, 3), 4
    module = seeded(attention.Attention(width, heads, grid, extra))
    x = torch.randn(2, 10, width, generator=torch.Generator().manual_seed(0))
    scale = torch.log2(torch.tensor(8.0))
    bias = torch.zeros(heads, 10, 10)
    for i in range(6):
        for j in range(6):
            offset = torch.tensor([(i // 3 - j // 3) * 8.0, (i % 3 - j % 3) * 8.0 / 2])
            logged = torch.sign(offset) * torch.log2(offset.abs() + 1) / scale
            bias[:, extra + i, extra + j] = 16 * torch.sigmoid(module.bias.network(logged))
    query, key, value = module.qkv(x).reshape(2, 10, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    expected = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    torch.testing.assert_close(module(x), module.project(expected.transpose(1, 2).reshape(2, 10, width)))


def test_windows_and_back_is_the_same_map() -> None:
    x = torch.arange(2 * 4 * 6 * 3, dtype=torch.float32).reshape(2, 4, 6, 3)
    windows = attention.to_windows(x, (2, 3))
    assert windows.shape == (8, 6, 3)
    assert torch.equal(windows[1, :, 0], x[0, :2, 3:, 0].flatten())
    assert torch.equal(attention.from_windows(windows, (2, 3), (2, 2)), x)


@pytest.mark.parametrize(("hierarchical", "reaches"), [(True, True), (False, False)])
def test_windows_hear_of_each_other_through_carriers_alone(seeded, hierarchical: bool, reaches: bool) -> None:
    stage = seeded(classification.AttentionStage(8, 2, 2, (14, 14), 7, hierarchical, 4, 0.5))
    x = torch.randn(1, 8, 14, 14, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[:, :, 7:, 7:] += 1.0
    difference = (stage(x) - stage(changed))[:, :, :5, :5].abs().max()
    assert bool(difference > 1e-4) is reaches


def test_folded_positions_follow_the_parameters() -> None:
    table = positions.AbsolutePosition((2, 2), 4).eval()
    torch.testing.assert_close(table(), table.network(table.coordinates))
    table.load_state_dict({name: value + 1.0 for name, value in table.state_dict().items()})
    torch.testing.assert_close(table(), table.network(table.coordinates))
    assert table.train()().requires_grad


def test_constants_are_contiguous() -> None:
    """Others of the same shape get mixed up on the way to TFLite, depending on where memory happens to be reused."""
    module = classification.build(resolution=(224, 224), **SMALL)
    assert all(buffer.is_contiguous() for buffer in module.buffers())


def test_a_size_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 224"):
        classification.build(resolution=(256, 256), **SMALL)


def test_smaller_images_become_one_window(seeded, image) -> None:
    assert seeded(classification.build(resolution=(64, 96), **SMALL))(image(64, 96)).shape == (1, 10)


def test_onnx_agrees(seeded, image, onnx_outputs) -> None:
    module, x = seeded(classification.build(resolution=(224, 224), **SMALL)), image(224, 224)
    (output,) = onnx_outputs(module, [x])
    np.testing.assert_allclose(output, module(x).numpy(), atol=1e-5)


@pytest.mark.slow
def test_tflite_agrees(seeded, image, tflite_outputs) -> None:
    """At 224, where four windows' carriers are upsampled by 3.5: a resize operator would round differently here."""
    module, x = seeded(classification.build(resolution=(224, 224), **SMALL)), image(224, 224)
    (output,) = tflite_outputs(module, [x])
    np.testing.assert_allclose(output, module(x).numpy(), atol=1e-5)
