"""The prompt encoder: boxes and the embedding's cells share one way of encoding positions."""

from __future__ import annotations

import math

import pytest
import torch

from latency_bench.model_specs.architectures.sam.prompt_encoder import FourierPositions, PromptEncoder

WIDTH, FRAME, CELLS = 16, (64, 96), (4, 6)


@pytest.fixture
def encoder() -> PromptEncoder:
    torch.manual_seed(0)
    return PromptEncoder(WIDTH, FRAME, CELLS).eval().requires_grad_(False)


def test_a_corner_on_a_cells_centre_is_encoded_as_that_cell(encoder: PromptEncoder) -> None:
    # Cells are 16 pixels, so the centre of cell (row 2, column 3) lies between pixels, half a pixel before (56, 40).
    box = torch.tensor([[[3 * 16 + 7.5, 2 * 16 + 7.5, 5 * 16 + 7.5, 3 * 16 + 7.5]]])
    sparse, _ = encoder(box)
    cells = encoder.image_positions()[0]
    top_left = encoder.point_embeddings[2].weight[0]
    bottom_right = encoder.point_embeddings[3].weight[0]
    torch.testing.assert_close(sparse[0, 0], cells[2 * CELLS[1] + 3] + top_left, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(sparse[0, 1], cells[3 * CELLS[1] + 5] + bottom_right, atol=1e-5, rtol=1e-5)


def test_positions_are_sines_and_cosines_of_projections() -> None:
    torch.manual_seed(0)
    layer = FourierPositions(WIDTH)
    x, y = 0.2, 0.9
    encoded = layer(torch.tensor([x, y]))
    for index in range(WIDTH // 2):
        along_x, along_y = layer.positional_encoding_gaussian_matrix[:, index].tolist()
        angle = 2 * math.pi * ((2 * x - 1) * along_x + (2 * y - 1) * along_y)
        assert encoded[index].item() == pytest.approx(math.sin(angle), abs=1e-5)
        assert encoded[index + WIDTH // 2].item() == pytest.approx(math.cos(angle), abs=1e-5)


def test_every_box_becomes_two_tokens(encoder: PromptEncoder) -> None:
    sparse, dense = encoder(torch.rand(3, 5, 4) * 64)
    assert sparse.shape == (15, 2, WIDTH)
    assert dense.shape == (1, WIDTH, 1, 1)
    assert encoder.image_positions().shape == (1, CELLS[0] * CELLS[1], WIDTH)
