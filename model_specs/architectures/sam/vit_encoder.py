"""SAM's image encoder: a plain vision transformer whose blocks attend inside windows, but for four (appendix A).

After Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection" (ECCV 2022, arXiv:2203.16527), with
the decomposed relative positions of MViTv2 (Li et al., CVPR 2022, arXiv:2112.01526, section 4.1). Parameters carry the
names of the authors' checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from latency_bench.model_specs.architectures.sam.neck import EMBEDDING_WIDTH, make_neck
from latency_bench.model_specs.errors import SpecError

PATCH = 16
NORM_EPS = 1e-6


def build(
    resolution: tuple[int, int],
    width: int = 1280,
    depth: int = 32,
    heads: int = 16,
    global_blocks: Sequence[int] = (7, 15, 23, 31),
    window: int = 14,
    outputs: int = EMBEDDING_WIDTH,
) -> nn.Module:
    """The image encoder alone; the defaults are ViT-H, 637 M parameters.

    The forward takes (N, 3, H, W) at `resolution` and returns the embedding (N, outputs, H / 16, W / 16).
    Raises SpecError when the resolution is no multiple of 16 or the heads do not divide the width.
    """
    if resolution[0] % PATCH or resolution[1] % PATCH:
        raise SpecError(f"SAM's ViT: height and width must be multiples of {PATCH}; got {resolution}")
    if width % heads:
        raise SpecError(f"SAM's ViT: {heads} heads do not divide a width of {width}")
    return VitEncoder(resolution, width, depth, heads, global_blocks, window, outputs).eval()


class Attention(nn.Module):
    """Self-attention over an (h, w) map with a bias from the relative row and the relative column, times the query."""

    def __init__(self, width: int, heads: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.heads, self.head_width, self.size = heads, width // heads, size
        self.scale = self.head_width**-0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        # Not zeros: an exporter removes an addition of zeros, and the graph would be that of no trained network.
        self.rel_pos_h = nn.Parameter(torch.empty(2 * size[0] - 1, self.head_width))
        self.rel_pos_w = nn.Parameter(torch.empty(2 * size[1] - 1, self.head_width))
        nn.init.trunc_normal_(self.rel_pos_h, std=0.02)
        nn.init.trunc_normal_(self.rel_pos_w, std=0.02)
        self.register_buffer("row_index", _relative_index(size[0]), persistent=False)
        self.register_buffer("column_index", _relative_index(size[1]), persistent=False)
        self.row_index: torch.Tensor
        self.column_index: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, h, w, width) -> the same."""
        height, columns = self.size
        tokens = height * columns
        qkv = self.qkv(x).reshape(-1, tokens, 3, self.heads, self.head_width).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.reshape(3, -1, tokens, self.head_width).unbind(0)
        logits = (query * self.scale) @ key.transpose(-2, -1)
        by_row, by_column = self._position_biases(query.reshape(-1, height, columns, self.head_width))
        logits = (logits.reshape(-1, tokens, height, columns) + by_row + by_column).reshape(-1, tokens, tokens)
        mixed = (logits.softmax(dim=-1) @ value).reshape(-1, self.heads, tokens, self.head_width)
        joined: torch.Tensor = self.proj(
            mixed.transpose(1, 2).reshape(-1, height, columns, self.heads * self.head_width)
        )
        return joined

    def _position_biases(self, query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """query (N, h, w, d) -> (N, h * w, h, 1) and (N, h * w, 1, w): query times its row's and its column's table."""
        height, columns = self.size
        row_table = self.rel_pos_h[self.row_index].reshape(height, height, -1).transpose(1, 2)
        column_table = self.rel_pos_w[self.column_index].reshape(columns, columns, -1).transpose(1, 2)
        by_row = query @ row_table
        by_column = (query.transpose(1, 2) @ column_table).transpose(1, 2)
        return by_row.reshape(-1, height * columns, height, 1), by_column.reshape(-1, height * columns, 1, columns)


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mapped: torch.Tensor = self.lin2(F.gelu(self.lin1(x)))
        return mapped


class Block(nn.Module):
    """Attention and MLP with skips; `window` 0 means that the attention is global."""

    def __init__(self, width: int, heads: int, size: tuple[int, int], window: int) -> None:
        super().__init__()
        self.size, self.window = size, window
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = Attention(width, heads, (window, window) if window else size)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Mlp(width, 4 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        attend = self._attend_in_windows if self.window else self.attn
        x = x + attend(self.norm1(x))
        mapped: torch.Tensor = x + self.mlp(self.norm2(x))
        return mapped

    def _attend_in_windows(self, x: torch.Tensor) -> torch.Tensor:
        """The map is padded with zeros to whole windows, and the padding takes part in the attention, as published."""
        height, columns = self.size
        width = x.shape[-1]
        rows_of_windows, columns_of_windows = -(-height // self.window), -(-columns // self.window)
        padded = (rows_of_windows * self.window, columns_of_windows * self.window)
        x = F.pad(x, (0, 0, 0, padded[1] - columns, 0, padded[0] - height))
        windows = x.reshape(-1, rows_of_windows, self.window, columns_of_windows, self.window, width).transpose(2, 3)
        windows = self.attn(windows.reshape(-1, self.window, self.window, width))
        windows = windows.reshape(-1, rows_of_windows, columns_of_windows, self.window, self.window, width)
        whole: torch.Tensor = windows.transpose(2, 3).reshape(-1, *padded, width)
        return whole[:, :height, :columns]


class VitEncoder(nn.Module):
    """See `build` for shapes."""

    def __init__(
        self,
        resolution: tuple[int, int],
        width: int,
        depth: int,
        heads: int,
        global_blocks: Sequence[int],
        window: int,
        outputs: int,
    ) -> None:
        super().__init__()
        size = (resolution[0] // PATCH, resolution[1] // PATCH)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, stride=PATCH)})
        self.pos_embed = nn.Parameter(torch.empty(1, *size, width))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.blocks = nn.ModuleList(
            Block(width, heads, size, window=0 if index in global_blocks else window) for index in range(depth)
        )
        self.neck = make_neck(width, outputs)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed["proj"](image).permute(0, 2, 3, 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        embedding: torch.Tensor = self.neck(x.permute(0, 3, 1, 2))
        return embedding


def _relative_index(size: int) -> torch.Tensor:
    """Row of the position table for every (query, key) pair along one axis, flattened."""
    positions = torch.arange(size)
    return (positions[:, None] - positions[None, :] + size - 1).flatten()
