"""SAM's prompt encoder for box prompts (Kirillov et al., appendix A, "Prompt encoder").

A box is two corner points. A point is the random Fourier features of its position (Tancik et al., NeurIPS 2020,
arXiv:2006.10739) plus a learned vector that says which corner it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from latency_bench.model_specs.architectures.channel_norm import ChannelNorm

# The learned vectors: background point, foreground point, top-left corner, bottom-right corner.
POINT_KINDS = 4
CORNER_KINDS = (2, 3)
MASK_WIDTH = 16


class FourierPositions(nn.Module):
    """Sines and cosines of random projections of a position in [0, 1]^2."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, width // 2))
        self.positional_encoding_gaussian_matrix: torch.Tensor

    def forward(self, positions: torch.Tensor) -> torch.Tensor:
        """(..., 2) as (x, y) -> (..., width)."""
        angles = 2.0 * math.pi * ((2.0 * positions - 1.0) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)


class PromptEncoder(nn.Module):
    """Boxes to tokens. Parameters carry the names of the authors' checkpoints (and of EfficientViT-SAM's)."""

    def __init__(self, width: int, coordinate_size: Sequence[int], embedding_size: Sequence[int]) -> None:
        """`coordinate_size` (height, width) is the frame that box coordinates refer to, in pixels; `embedding_size`
        (height, width) that of the image embedding."""
        super().__init__()
        self.pe_layer = FourierPositions(width)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(POINT_KINDS))
        # Points that are neither, and mask prompts: a box prompt touches none of these, but they are part of the model
        # (of its checkpoints, and of the parameters that are published).
        self.not_a_point_embed = nn.Embedding(1, width)
        self.mask_downscaling = _mask_encoder(width)
        self.no_mask_embed = nn.Embedding(1, width)
        frame = torch.tensor([float(coordinate_size[1]), float(coordinate_size[0])])
        self.register_buffer("coordinate_frame", frame, persistent=False)
        self.register_buffer("cell_centres", _cell_centres(*embedding_size), persistent=False)
        self.coordinate_frame: torch.Tensor
        self.cell_centres: torch.Tensor

    def forward(self, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode boxes.

        Args:
            boxes: (N, P, 4), x0 y0 x1 y1 in pixels of the coordinate frame; P box prompts for each of N images.

        Returns:
            sparse (N * P, 2, width), one token a corner, and dense (1, width, 1, 1): "no mask was given", one vector
            that is added everywhere.
        """
        # A coordinate names a pixel; its centre is half a pixel on.
        corners = (boxes.reshape(-1, 2, 2) + 0.5) / self.coordinate_frame
        kinds = torch.cat([self.get_parameter(f"point_embeddings.{kind}.weight") for kind in CORNER_KINDS])
        return self.pe_layer(corners) + kinds, self.no_mask_embed.weight[:, :, None, None]

    def image_positions(self) -> torch.Tensor:
        """The positions of the image embedding's cells, (1, h * w, width); a constant, which exporters fold."""
        positions: torch.Tensor = self.pe_layer(self.cell_centres)
        return positions


def _cell_centres(rows: int, columns: int) -> torch.Tensor:
    """(1, rows * columns, 2): (x, y) in [0, 1] of each cell's centre, row by row."""
    y = (torch.arange(rows, dtype=torch.float32) + 0.5) / rows
    x = (torch.arange(columns, dtype=torch.float32) + 0.5) / columns
    grid = torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=-1)
    return grid[None]


def _mask_encoder(width: int) -> nn.Sequential:
    """Downscales a mask prompt four times; here for its parameters."""
    return nn.Sequential(
        nn.Conv2d(1, MASK_WIDTH // 4, 2, stride=2),
        ChannelNorm(MASK_WIDTH // 4),
        nn.GELU(),
        nn.Conv2d(MASK_WIDTH // 4, MASK_WIDTH, 2, stride=2),
        ChannelNorm(MASK_WIDTH),
        nn.GELU(),
        nn.Conv2d(MASK_WIDTH, width, 1),
    )
