"""Position information of FasterViT's attention stages: two small networks of coordinates, folded into constants.

Both depend on parameters alone, so at inference their values are constants: every deployment tool would fold them, and
they are folded here already, when a module goes to eval mode and when parameters are loaded.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_HIDDEN = 512
# Continuous relative position bias of Swin Transformer V2 (Liu et al., CVPR 2022, arXiv:2111.09883, section 3.3):
# coordinates span [-8, 8] before the logarithm, biases lie in (0, 16).
_COORDINATE_SPAN = 8.0
_LARGEST_BIAS = 16.0


class FoldedTable(nn.Module):
    """A tensor that a network computes from fixed coordinates; `table` holds its value for inference."""

    table: torch.Tensor

    def __init__(self, coordinates: torch.Tensor, width: int) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, width, bias=False))
        self.register_buffer("coordinates", coordinates, persistent=False)
        self.register_buffer("table", torch.empty(0), persistent=False)
        self.register_load_state_dict_post_hook(lambda module, _: module.fold())  # type: ignore[no-untyped-call]

    def compute(self) -> torch.Tensor:
        """The tensor, from the network."""
        raise NotImplementedError

    def fold(self) -> None:
        """Make `table` what the parameters say now."""
        with torch.no_grad():
            # Contiguous: litert-torch 0.10 tells constants apart by their address, and takes that of a temporary copy
            # where one is not contiguous, so that two blocks' tables can be taken for the same.
            self.table = self.compute().detach().contiguous()

    def train(self, mode: bool = True) -> Any:
        super().train(mode)
        if not mode:
            self.fold()
        return self

    def forward(self) -> torch.Tensor:
        return self.compute() if self.training else self.table


class AbsolutePosition(FoldedTable):
    """An embedding for each position of a grid; the forward returns (1, rows * columns, width)."""

    def __init__(self, grid: tuple[int, int], width: int) -> None:
        rows, columns = ((torch.arange(size, dtype=torch.float32) - size // 2) / max(size // 2, 1) for size in grid)
        pairs = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)
        super().__init__(pairs.reshape(1, -1, 2), width)

    def compute(self) -> torch.Tensor:
        embedding: torch.Tensor = self.network(self.coordinates)
        return embedding


class RelativeBias(FoldedTable):
    """A bias for each head and pair of positions of a grid; the forward returns (1, heads, tokens, tokens).

    `extra` tokens that lie outside the grid come first; pairs with one of them have no bias.
    """

    index: torch.Tensor

    def __init__(self, grid: tuple[int, int], heads: int, extra: int = 0) -> None:
        rows, columns = grid
        offsets = [_log_offsets(size) for size in grid]
        super().__init__(torch.stack(torch.meshgrid(*offsets, indexing="ij"), dim=-1).reshape(-1, 2), heads)
        self.extra = extra
        row = torch.arange(rows).repeat_interleave(columns)
        column = torch.arange(columns).repeat(rows)
        index = (row[:, None] - row + rows - 1) * (2 * columns - 1) + column[:, None] - column + columns - 1
        self.register_buffer("index", index, persistent=False)

    def compute(self) -> torch.Tensor:
        by_offset = _LARGEST_BIAS * torch.sigmoid(self.network(self.coordinates))
        by_pair = by_offset[self.index].permute(2, 0, 1).unsqueeze(0)
        return nn.functional.pad(by_pair, (self.extra, 0, self.extra, 0))


def _log_offsets(size: int) -> torch.Tensor:
    """Offsets -(size-1) .. size-1, scaled to [-8, 8], on a logarithmic scale to [-log2(9)/3, log2(9)/3]."""
    offsets = torch.arange(1 - size, size, dtype=torch.float32) * (_COORDINATE_SPAN / max(size - 1, 1))
    return torch.sign(offsets) * torch.log2(offsets.abs() + 1) / torch.log2(torch.tensor(_COORDINATE_SPAN))
