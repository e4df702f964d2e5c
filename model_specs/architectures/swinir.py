"""SwinIR (Liang et al., ICCV 2021 workshops, arXiv:2108.10257), the lightweight super-resolution network.

Residual groups of Swin transformer layers (Liu et al., ICCV 2021): attention inside windows of the feature map, every
second time with the map rolled by half a window. Written from the papers; parameters carry the names of the authors'
checkpoints (Apache-2.0). Features stay channel-last between the convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.published_names import without

# Added to the attention logits of pixels that the roll made neighbours; the papers' value.
MASKED = -100.0
# Mean colour of DIV2K, taken off the image and put back, as the authors' networks do (training set, 0..1, RGB).
MEAN_COLOUR = (0.4488, 0.4371, 0.4040)


def build(
    resolution: tuple[int, int],
    width: int = 60,
    depths: Sequence[int] = (6, 6, 6, 6),
    heads: int = 6,
    window: int = 8,
    mlp_ratio: float = 2.0,
    scale: int = 2,
) -> nn.Module:
    """SwinIR for inputs of `resolution`; the defaults are the paper's lightweight network (section 4.1).

    The forward takes (N, 3, H, W) and returns (N, 3, scale * H, scale * W).
    Raises SpecError when the window does not divide the resolution or the heads do not divide the width.
    """
    if resolution[0] % window or resolution[1] % window:
        raise SpecError(f"SwinIR: height and width must be multiples of the window, {window}; got {resolution}")
    if width % heads:
        raise SpecError(f"SwinIR: {heads} heads do not divide a width of {width}")
    return SwinIR(resolution, width, depths, heads, window, mlp_ratio, scale).eval()


class WindowAttention(nn.Module):
    """Self-attention inside each window, with a learned bias for every relative position."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.tokens = heads, window**2
        self.scale = (width // heads) ** -0.5
        # Not zeros: an exporter removes an addition of zeros, and the graph would be that of no trained network.
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        # A pixel pair's row of the table: both offsets are shifted to start at 0 and read as two digits.
        rows, columns = (torch.arange(window**2) // window, torch.arange(window**2) % window)
        row_offset = rows[:, None] - rows[None, :] + window - 1
        column_offset = columns[:, None] - columns[None, :] + window - 1
        index = (row_offset * (2 * window - 1) + column_offset).flatten()
        self.register_buffer("relative_position_index", index, persistent=False)
        self.relative_position_index: torch.Tensor

    def forward(self, x: torch.Tensor, masks: tuple[torch.Tensor, torch.Tensor] | None) -> torch.Tensor:
        """(windows, tokens, width) -> the same; `masks` are those of a rolled map, see `roll_masks`."""
        width = x.shape[-1]
        qkv = self.qkv(x).reshape(-1, self.tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.relative_position_bias_table[self.relative_position_index]
        bias = bias.reshape(self.tokens, self.tokens, self.heads).permute(2, 0, 1)
        logits = (query * self.scale) @ key.transpose(-2, -1) + bias
        if masks is not None:
            logits = self._mask(logits, *masks)
        mixed = (logits.softmax(dim=-1) @ value).transpose(1, 2).reshape(-1, self.tokens, width)
        projected: torch.Tensor = self.proj(mixed)
        return projected

    def _mask(self, logits: torch.Tensor, row_mask: torch.Tensor, column_mask: torch.Tensor) -> torch.Tensor:
        """Add both masks. Rows of windows, then columns, are brought to an axis of their own in turn, so that no tensor
        has more than five axes, which is as many as XNNPACK adds."""
        rows, columns = row_mask.shape[0], column_mask.shape[0]
        logits = logits.reshape(-1, rows, columns * self.heads, self.tokens, self.tokens) + row_mask
        logits = logits.reshape(-1, columns, self.heads, self.tokens, self.tokens) + column_mask
        return logits.reshape(-1, self.heads, self.tokens, self.tokens)


def roll_masks(count: int, window: int, shift: int, along_rows: bool) -> torch.Tensor:
    """(count, 1, tokens, tokens): MASKED between pixels that only the roll brought into one window, along one axis.

    Only the last of the `count` windows of an axis joins the two ends of the map. Keeping the axes apart makes a mask
    of `count` windows, where one for every window of the map would take 64 MiB at 512x512.
    """
    position = torch.arange(window**2)
    along = position // window if along_rows else position % window
    wrapped = along >= window - shift
    last = torch.where(wrapped[:, None] != wrapped[None, :], MASKED, 0.0)
    mask = torch.zeros(count, 1, window**2, window**2)
    mask[-1, 0] = last
    return mask


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mapped: torch.Tensor = self.fc2(self.act(self.fc1(x)))
        return mapped


class SwinLayer(nn.Module):
    """Window attention and MLP on (N, H, W, C), rolled by `shift` for the attention."""

    def __init__(self, width: int, heads: int, window: int, shift: int, mlp_ratio: float) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * mlp_ratio))

    def forward(self, x: torch.Tensor, masks: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        attended = self.norm1(x)
        if self.shift:
            attended = torch.roll(attended, (-self.shift, -self.shift), dims=(1, 2))
        attended = self._attend(attended, masks if self.shift else None)
        if self.shift:
            attended = torch.roll(attended, (self.shift, self.shift), dims=(1, 2))
        x = x + attended
        mapped: torch.Tensor = x + self.mlp(self.norm2(x))
        return mapped

    def _attend(self, x: torch.Tensor, masks: tuple[torch.Tensor, torch.Tensor] | None) -> torch.Tensor:
        batch, height, columns, width = x.shape
        grid = (batch, height // self.window, self.window, columns // self.window, self.window, width)
        windows = x.reshape(grid).transpose(2, 3).reshape(-1, self.window**2, width)
        windows = self.attn(windows, masks)
        swapped = (grid[0], grid[1], grid[3], grid[2], grid[4], grid[5])
        joined: torch.Tensor = windows.reshape(swapped).transpose(2, 3).reshape(batch, height, columns, width)
        return joined


class SwinLayers(nn.Module):
    """Layers unrolled and rolled in turn."""

    def __init__(self, width: int, depth: int, heads: int, window: int, mlp_ratio: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            SwinLayer(width, heads, window, index % 2 * (window // 2), mlp_ratio) for index in range(depth)
        )

    def forward(self, x: torch.Tensor, masks: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        for block in self.blocks:
            x = block(x, masks)
        return x


class ResidualGroup(nn.Module):
    """Swin layers, a 3x3 convolution and a skip (section 3.2), on (N, H, W, C)."""

    def __init__(self, width: int, depth: int, heads: int, window: int, mlp_ratio: float) -> None:
        super().__init__()
        self.residual_group = SwinLayers(width, depth, heads, window, mlp_ratio)
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor, masks: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        deep: torch.Tensor = self.conv(self.residual_group(x, masks).permute(0, 3, 1, 2))
        return x + deep.permute(0, 2, 3, 1)


class SwinIR(nn.Module):
    """Figure 2 of the paper. See `build` for shapes."""

    def __init__(
        self,
        resolution: tuple[int, int],
        width: int,
        depths: Sequence[int],
        heads: int,
        window: int,
        mlp_ratio: float,
        scale: int,
    ) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, width, 3, padding=1)
        self.patch_embed = nn.ModuleDict({"norm": nn.LayerNorm(width)})
        self.layers = nn.ModuleList(ResidualGroup(width, depth, heads, window, mlp_ratio) for depth in depths)
        self.norm = nn.LayerNorm(width)
        self.conv_after_body = nn.Conv2d(width, width, 3, padding=1)
        self.upsample = nn.Sequential(nn.Conv2d(width, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))
        rows, columns = resolution[0] // window, resolution[1] // window
        self.register_buffer("mean_colour", torch.tensor(MEAN_COLOUR).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("row_mask", roll_masks(rows, window, window // 2, along_rows=True), persistent=False)
        self.register_buffer(
            "column_mask", roll_masks(columns, window, window // 2, along_rows=False), persistent=False
        )
        self.mean_colour: torch.Tensor
        self.row_mask: torch.Tensor
        self.column_mask: torch.Tensor

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The authors' files have our names, and constants that follow from the window and the image's size."""
        return without(state, r".*\.relative_position_index$", r".*\.attn_mask$")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        shallow = self.conv_first(image - self.mean_colour)
        x = self.patch_embed["norm"](shallow.permute(0, 2, 3, 1))
        for group in self.layers:
            x = group(x, (self.row_mask, self.column_mask))
        deep = self.conv_after_body(self.norm(x).permute(0, 3, 1, 2))
        enlarged: torch.Tensor = self.upsample(shallow + deep)
        return enlarged + self.mean_colour
