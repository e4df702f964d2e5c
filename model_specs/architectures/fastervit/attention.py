"""Hierarchical attention: windows see each other through a few carrier tokens each.

Hatamizadeh et al., arXiv:2306.06189, section 3.3 and figure 3. First the carrier tokens of all windows attend to each
other, then each window attends to its own tokens and carriers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from latency_bench.model_specs.architectures.fastervit.positions import AbsolutePosition, RelativeBias

Grid = tuple[int, int]
"""(rows, columns)."""


def to_windows(x: torch.Tensor, window: Grid) -> torch.Tensor:
    """(N, H, W, C) -> (N * windows, rows * columns, C), windows and tokens in raster order."""
    count, height, width, channels = x.shape
    x = x.reshape(count, height // window[0], window[0], width // window[1], window[1], channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, window[0] * window[1], channels)


def from_windows(tokens: torch.Tensor, window: Grid, windows: Grid) -> torch.Tensor:
    """The inverse of `to_windows` for a map of `windows` (rows, columns) windows."""
    channels = tokens.shape[-1]
    x = tokens.reshape(-1, *windows, *window, channels).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, windows[0] * window[0], windows[1] * window[1], channels)


class Attention(nn.Module):
    """Multi-head self-attention with a relative position bias; (N, tokens, C) -> (N, tokens, C)."""

    def __init__(self, width: int, heads: int, grid: Grid, extra: int = 0) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.bias = RelativeBias(grid, heads, extra)
        self.project = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, tokens, width = x.shape
        qkv = self.qkv(x).reshape(count, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv[0], qkv[1], qkv[2]
        weights = F.softmax((query * self.scale) @ key.transpose(-2, -1) + self.bias(), dim=-1)
        projected: torch.Tensor = self.project((weights @ value).transpose(1, 2).reshape(count, tokens, width))
        return projected


class TransformerBlock(nn.Module):
    """Attention and MLP on layer-normalised input, scaled per channel and added to their input."""

    def __init__(self, width: int, heads: int, grid: Grid, extra: int, expand_ratio: int, layer_scale: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, grid, extra)
        self.scale_attention = nn.Parameter(torch.full((width,), layer_scale))
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, expand_ratio * width), nn.GELU(), nn.Linear(expand_ratio * width, width)
        )
        self.scale_mlp = nn.Parameter(torch.full((width,), layer_scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.scale_attention * self.attention(self.norm_attention(x))
        updated: torch.Tensor = x + self.scale_mlp * self.mlp(self.norm_mlp(x))
        return updated


class HierarchicalBlock(nn.Module):
    """One block on the tokens of every window and, where there are several windows, on their carrier tokens.

    The forward takes tokens (N * windows, window tokens, C) and a carrier map (N, rows, columns, C) or None, and
    returns both in the same shapes.
    """

    def __init__(
        self, width: int, heads: int, window: Grid, windows: Grid, carriers: Grid | None, expand_ratio: int,
        layer_scale: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.windows = windows
        self.carriers = carriers
        self.position = AbsolutePosition(window, width)
        extra = 0
        if carriers:
            extra = carriers[0] * carriers[1]
            grid = (windows[0] * carriers[0], windows[1] * carriers[1])
            self.carrier_position = AbsolutePosition(grid, width)
            self.between = TransformerBlock(width, heads, grid, 0, expand_ratio, layer_scale)
        self.within = TransformerBlock(width, heads, window, extra, expand_ratio, layer_scale)

    def forward(self, tokens: torch.Tensor, carrier: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        tokens = tokens + self.position()
        if carrier is None or self.carriers is None:
            return self.within(tokens), None
        sequence = self.between(carrier.flatten(1, 2) + self.carrier_position())
        carrier = to_windows(sequence.reshape(carrier.shape), self.carriers)
        per_window = carrier.shape[1]
        joined = self.within(torch.cat([carrier, tokens], dim=1))
        return joined[:, per_window:], from_windows(joined[:, :per_window], self.carriers, self.windows)
