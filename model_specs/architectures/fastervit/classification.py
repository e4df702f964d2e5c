"""FasterViT for classification: two convolutional stages, one of hierarchical attention, one of window attention.

Hatamizadeh et al., ICLR 2024, arXiv:2306.06189, section 3 and table S.1 (configurations).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from latency_bench.model_specs.architectures.fastervit.attention import (
    Grid,
    HierarchicalBlock,
    from_windows,
    to_windows,
)
from latency_bench.model_specs.published_names import renamed, without

_STAGES = 4
_NORM_EPS = 1e-6
"""Of the norms between stages; those inside blocks have torch's 1e-5."""
_CARRIERS: Grid = (2, 2)
"""Carrier tokens of a window."""


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of (N, C, H, W)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).contiguous()


class ConvBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation, GELU between them, and a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skipped: torch.Tensor = x + self.body(x)
        return skipped


class AttentionStage(nn.Module):
    """Blocks over the windows of one feature map; carrier tokens where `hierarchical` and there are several windows.

    Shapes: (N, C, H, W) -> (N, C, H, W). A map smaller than the window becomes one window.
    """

    carrier_row: torch.Tensor
    carrier_column: torch.Tensor

    def __init__(
        self, width: int, depth: int, heads: int, size: Grid, window: int, hierarchical: bool, expand_ratio: int,
        layer_scale: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.window = (min(window, size[0]), min(window, size[1]))
        if size[0] % self.window[0] or size[1] % self.window[1]:
            raise ValueError(
                f"a feature map of {size[0]}x{size[1]} does not divide into windows of {window}x{window}; "
                f"image sizes that do are multiples of {32 * window}"
            )
        self.windows = (size[0] // self.window[0], size[1] // self.window[1])
        carriers = _CARRIERS if hierarchical and self.windows != (1, 1) else None
        if carriers:
            reduced = (self.windows[0] * carriers[0], self.windows[1] * carriers[1])
            self.tokenize = nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1, groups=width),
                _pool(size, reduced),
            )
            # Nearest carrier of each position. Not a resize: 14 from 4 rows puts indices on the edge of rounding, where
            # runtimes disagree.
            row, column = (torch.arange(size[axis]) * reduced[axis] // size[axis] for axis in (0, 1))
            self.register_buffer("carrier_row", row, persistent=False)
            self.register_buffer("carrier_column", column, persistent=False)
        self.has_carriers = carriers is not None
        self.blocks = nn.ModuleList(
            HierarchicalBlock(width, heads, self.window, self.windows, carriers, expand_ratio, layer_scale)
            for _ in range(depth)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Channel-last from here on, as the linear layers want it.
        carrier = self.tokenize(x).permute(0, 2, 3, 1) if self.has_carriers else None
        tokens = to_windows(x.permute(0, 2, 3, 1), self.window)
        for block in self.blocks:
            tokens, carrier = block(tokens, carrier)
        x = from_windows(tokens, self.window, self.windows)
        if carrier is not None:
            # Scaled as what attention between carriers adds to them, by the last block's own scale.
            scale = self.blocks[-1].get_parameter("between.scale_attention")
            x = x + scale * carrier[:, self.carrier_row][:, :, self.carrier_column]
        return x.permute(0, 3, 1, 2).contiguous()


class FasterViT(nn.Sequential):
    """Stages and head in a row; see `build` for shapes."""

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The authors' files, without the position tables that are computed from parameters."""
        return renamed(without(state, *_COMPUTED), self._rules())

    def _rules(self) -> list[tuple[str, str]]:
        """The authors number levels, and blocks within them; here every part has a number of its own."""
        rules = [(r"^patch_embed\.conv_down\.", "0.")]
        level = block = 0
        for number, part in list(self.named_children())[1:]:
            if isinstance(part, ConvBlock):
                theirs = rf"^levels\.{level}\.blocks\.{block}\."
                rules += [(theirs + name, rf"{number}.body.{place}.") for name, place in _IN_CONV_BLOCK]
                block += 1
            elif isinstance(part, AttentionStage):
                rules.append((rf"^levels\.{level}\.(?=blocks|global_tokenizer)", f"{number}."))
            elif isinstance(part, LayerNorm2d):
                rules.append((rf"^levels\.{level}\.downsample\.norm\.", f"{number}."))
            elif isinstance(part, nn.Conv2d):
                rules.append((rf"^levels\.{level}\.downsample\.reduction\.0\.", f"{number}."))
                level, block = level + 1, 0
            elif isinstance(part, nn.BatchNorm2d):
                rules.append((r"^norm\.", f"{number}."))
            elif isinstance(part, nn.Linear):
                rules.append((r"^head\.", f"{number}."))
        return [*rules, *_IN_ATTENTION_STAGE]


_COMPUTED = (r".*\.relative_(bias|coords_table|position_index)$",)
_IN_CONV_BLOCK = ((r"conv1\.", 0), (r"norm1\.", 1), (r"conv2\.", 3), (r"norm2\.", 4))
_IN_ATTENTION_STAGE = (
    (r"\.global_tokenizer\.to_global_feature\.pos\.", ".tokenize.0."),
    (r"\.hat_pos_embed\.cpb_mlp\.", ".carrier_position.network."),
    (r"\.pos_embed\.cpb_mlp\.", ".position.network."),
    (r"\.hat_norm1\.", ".between.norm_attention."),
    (r"\.hat_norm2\.", ".between.norm_mlp."),
    (r"\.hat_attn\.", ".between.attention."),
    (r"\.hat_mlp\.", ".between.mlp."),
    (r"\.gamma1$", ".between.scale_attention"),
    (r"\.gamma2$", ".between.scale_mlp"),
    (r"(blocks\.\d+)\.norm1\.", r"\1.within.norm_attention."),
    (r"(blocks\.\d+)\.norm2\.", r"\1.within.norm_mlp."),
    (r"(blocks\.\d+)\.attn\.", r"\1.within.attention."),
    (r"(blocks\.\d+)\.mlp\.", r"\1.within.mlp."),
    (r"\.gamma3$", ".within.scale_attention"),
    (r"\.gamma4$", ".within.scale_mlp"),
    (r"\.attention\.pos_emb_funct\.cpb_mlp\.", ".attention.bias.network."),
    (r"\.attention\.proj\.", ".attention.project."),
    (r"\.mlp\.fc1\.", ".mlp.0."),
    (r"\.mlp\.fc2\.", ".mlp.2."),
)
"""From the authors' names to ours: `hat` is attention between carrier tokens, what has no such beginning is attention
within windows."""


def _pool(size: Grid, reduced: Grid) -> nn.AvgPool2d:
    """Mean over parts of equal size; neighbouring parts overlap where `size` is no multiple of `reduced`."""
    stride = (size[0] // reduced[0], size[1] // reduced[1])
    kernel = (size[0] - (reduced[0] - 1) * stride[0], size[1] - (reduced[1] - 1) * stride[1])
    return nn.AvgPool2d(kernel, stride)


def _stem(width_stem: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, width_stem, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width_stem, eps=1e-4), nn.ReLU(),
        nn.Conv2d(width_stem, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width, eps=1e-4), nn.ReLU(),
    )  # fmt: skip


def build(
    depths: Sequence[int],
    heads: Sequence[int],
    width: int,
    resolution: tuple[int, int],
    classes: int = 1000,
    width_stem: int = 64,
    window: int = 7,
    expand_ratio: int = 4,
    layer_scale: float = 1e-5,
) -> nn.Module:
    """FasterViT, in eval mode; the forward takes (N, 3, *resolution) and returns logits (N, classes).

    `width` is the first stage's, each later one has twice the channels at half the size. Raises ValueError where a
    feature map does not divide into windows.
    """
    stages: list[nn.Module] = [_stem(width_stem, width)]
    for stage in range(_STAGES):
        channels = width * 2**stage
        if stage < 2:
            stages += [ConvBlock(channels) for _ in range(depths[stage])]
        else:
            size = (resolution[0] // (4 * 2**stage), resolution[1] // (4 * 2**stage))
            stages.append(
                AttentionStage(
                    channels, depths[stage], heads[stage], size, window, stage == 2, expand_ratio, layer_scale
                )
            )
        if stage < _STAGES - 1:
            stages += [
                LayerNorm2d(channels, eps=_NORM_EPS),
                nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False),
            ]
    channels = width * 2 ** (_STAGES - 1)
    head = [nn.BatchNorm2d(channels), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    return FasterViT(*stages, *head).eval()
