"""SwinIR: against stored outputs (the full network agreed with spandrel's to 1e-6 of its range, weights mapped by
name), its shifted windows against attention written without windows, and through both exports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from latency_bench.model_specs.architectures import swinir
from latency_bench.model_specs.errors import SpecError

SMALL: dict[str, Any] = {"width": 12, "depths": (2, 2), "heads": 2}


def test_agrees_with_stored_output(seeded, image) -> None:
    output = seeded(swinir.build((16, 24), **SMALL))(image(16, 24)).numpy()
    assert output.shape == (1, 3, 32, 48)
    np.testing.assert_allclose(output[0, :, 5, 7], [2.22035, 0.4285526, 0.1453257], atol=1e-4)
    np.testing.assert_allclose(output[0, :, -1, -1], [1.2140522, -0.0185512, 0.428369], atol=1e-4)
    assert output.mean() == pytest.approx(0.4064856, abs=1e-4)


@pytest.mark.parametrize(("height", "width", "macs_g"), [(512, 512, 274.103), (160, 240, 40.152)])
def test_has_the_published_size(meta_counts, height: int, width: int, macs_g: float) -> None:
    params, macs = meta_counts(lambda: swinir.build((height, width)), (3, height, width))
    assert params == 910_152
    assert macs / 1e9 == pytest.approx(macs_g, abs=1e-3)


def test_shifted_windows_are_attention_among_the_pixels_between_the_shifted_borders(seeded) -> None:
    """Every pixel attends to those of its cell, where cells are cut `shift` pixels after each window's border; cells
    at the edges are smaller, and nothing wraps around."""
    window, shift, heads, width, height, columns = 4, 2, 2, 8, 8, 12
    layer = seeded(swinir.SwinLayer(width, heads, window, shift, mlp_ratio=2))
    masks = (swinir.roll_masks(height // window, window, shift, along_rows=True),)
    masks += (swinir.roll_masks(columns // window, window, shift, along_rows=False),)
    x = torch.randn(2, height, columns, width, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layer(x, masks), _attend_in_cells(layer, x, window, shift), atol=2e-5, rtol=1e-4)


def _attend_in_cells(layer: Any, x: torch.Tensor, window: int, shift: int) -> torch.Tensor:
    batch, height, columns, width = x.shape
    attention = layer.attn
    heads = attention.heads
    rows = torch.arange(height).repeat_interleave(columns)
    cols = torch.arange(columns).repeat(height)
    cell = torch.stack([(rows + window - shift) // window, (cols + window - shift) // window], dim=1)
    together = (cell[:, None] == cell[None]).all(dim=-1)
    row_offset, column_offset = rows[:, None] - rows[None], cols[:, None] - cols[None]
    index = (row_offset + window - 1) * (2 * window - 1) + column_offset + window - 1
    bias = attention.relative_position_bias_table[index.clamp(0, (2 * window - 1) ** 2 - 1)].permute(2, 0, 1)
    tokens = layer.norm1(x).reshape(batch, height * columns, width)
    query, key, value = attention.qkv(tokens).reshape(batch, -1, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    logits = query @ key.transpose(-2, -1) * (width // heads) ** -0.5 + bias
    weights = logits.masked_fill(~together, float("-inf")).softmax(dim=-1)
    x = x + attention.proj((weights @ value).transpose(1, 2).reshape(batch, -1, width)).reshape(x.shape)
    return x + layer.mlp(layer.norm2(x))


def test_unshifted_windows_do_not_see_each_other(seeded) -> None:
    layer = seeded(swinir.SwinLayer(8, 2, 4, 0, mlp_ratio=2))
    masks = (swinir.roll_masks(2, 4, 2, along_rows=True), swinir.roll_masks(2, 4, 2, along_rows=False))
    x = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[:, 4:, 4:] += 1.0
    before, after = layer(x, masks), layer(changed, masks)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert (before[:, 4:, 4:] - after[:, 4:, 4:]).abs().min() > 0


def test_refuses_what_it_cannot_be() -> None:
    with pytest.raises(SpecError, match="multiples of the window"):
        swinir.build((16, 20))
    with pytest.raises(SpecError, match="do not divide"):
        swinir.build((16, 16), heads=7)


def test_onnx_agrees(seeded, image, onnx_outputs) -> None:
    network, picture = seeded(swinir.build((16, 24), **SMALL)), image(16, 24)
    np.testing.assert_allclose(onnx_outputs(network, [picture])[0], network(picture), atol=2e-5)


@pytest.mark.slow
def test_tflite_agrees(seeded, image, tflite_outputs) -> None:
    network, picture = seeded(swinir.build((16, 24), width=12, depths=(2,), heads=2)), image(16, 24)
    np.testing.assert_allclose(tflite_outputs(network, [picture])[0], network(picture), atol=2e-5)
