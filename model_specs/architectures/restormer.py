"""Restormer (Zamir et al., CVPR 2022, arXiv:2111.09881), with a tail that doubles the resolution.

Written from the paper's section 3, since the authors' code is under an academic licence. A U-shaped network of four
levels; its attention is over channels (a C x C map a head), so that its cost grows with the number of pixels, not with
its square.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from latency_bench.model_specs.architectures.channel_norm import ChannelNorm
from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.published_names import Rules, renamed

LEVELS = 4


def build(
    width: int = 48,
    depths: Sequence[int] = (4, 6, 6, 8),
    heads: Sequence[int] = (1, 2, 4, 8),
    refinement_depth: int = 4,
    expansion: float = 2.66,
    scale: int = 2,
) -> nn.Module:
    """Restormer; the defaults are the paper's network (section 4, implementation details), 26.1 M parameters.

    The forward takes (N, 3, H, W), H and W multiples of 8, and returns (N, 3, scale * H, scale * W). With `scale` 1 it
    is the paper's restoration network; above, the last convolution gives scale^2 images that a pixel shuffle
    interleaves, and the residual is the bilinearly enlarged input.

    Raises SpecError for other than four levels, or widths that the heads do not divide.
    """
    if len(depths) != LEVELS or len(heads) != LEVELS:
        raise SpecError(f"Restormer has {LEVELS} levels; got depths {list(depths)} and heads {list(heads)}")
    if any(width * 2**level % count for level, count in enumerate(heads)):
        raise SpecError(f"Restormer: {list(heads)} heads do not divide the levels' widths, {width} x 1, 2, 4, 8")
    return Restormer(width, depths, heads, refinement_depth, expansion, scale).eval()


PUBLISHED_NAMES: Rules = (
    (r"^patch_embed\.proj\.", "embed."),
    *((rf"^encoder_level{level + 1}\.", f"encoders.{level}.") for level in range(LEVELS - 1)),
    (r"^latent\.", f"encoders.{LEVELS - 1}."),
    *((rf"^down{level + 1}_{level + 2}\.body\.", f"downs.{level}.") for level in range(LEVELS - 1)),
    *((rf"^up{level + 2}_{level + 1}\.body\.", f"ups.{level}.") for level in range(LEVELS - 1)),
    *((rf"^reduce_chan_level{level + 1}\.", f"fusions.{level}.") for level in range(1, LEVELS - 1)),
    *((rf"^decoder_level{level + 1}\.", f"decoders.{level}.") for level in range(LEVELS - 1)),
    (r"\.(norm[12])\.body\.", r".\1."),
    (r"\.attn\.qkv_dwconv\.", ".attention.depthwise."),
    (r"\.attn\.project_out\.", ".attention.project."),
    (r"\.attn\.", ".attention."),
    (r"\.ffn\.project_in\.", ".feed_forward.expand."),
    (r"\.ffn\.dwconv\.", ".feed_forward.depthwise."),
    (r"\.ffn\.project_out\.", ".feed_forward.project."),
)
"""What the authors' files call the tensors, of the variant whose layer normalisation has a bias."""


class ChannelAttention(nn.Module):
    """Multi-Dconv head transposed attention (section 3.1, eq. 1): attention between channels, tokens are pixels."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.depthwise = nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width, bias=False)
        self.project = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, width, height, columns = x.shape
        per_head = (batch, self.heads, width // self.heads, height * columns)
        query, key, value = (part.reshape(per_head) for part in self.depthwise(self.qkv(x)).chunk(3, dim=1))
        similarity = _unit_length(query) @ _unit_length(key).transpose(-2, -1)
        attention = (similarity * self.temperature).softmax(dim=-1)
        mixed: torch.Tensor = self.project((attention @ value).reshape(batch, width, height, columns))
        return mixed


class GatedFeedForward(nn.Module):
    """Gated-Dconv feed-forward network (section 3.2, eq. 2): one half of the channels gates the other."""

    def __init__(self, width: int, expansion: float) -> None:
        super().__init__()
        hidden = int(width * expansion)
        self.expand = nn.Conv2d(width, 2 * hidden, 1, bias=False)
        self.depthwise = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=False)
        self.project = nn.Conv2d(hidden, width, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, value = self.depthwise(self.expand(x)).chunk(2, dim=1)
        projected: torch.Tensor = self.project(F.gelu(gate) * value)
        return projected


class Block(nn.Module):
    """Attention, then feed-forward, each on normalised channels and with a skip."""

    def __init__(self, width: int, heads: int, expansion: float) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(width, eps=1e-5)
        self.attention = ChannelAttention(width, heads)
        self.norm2 = ChannelNorm(width, eps=1e-5)
        self.feed_forward = GatedFeedForward(width, expansion)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        mapped: torch.Tensor = x + self.feed_forward(self.norm2(x))
        return mapped


class Restormer(nn.Module):
    """Figure 2 of the paper. See `build` for shapes."""

    def __init__(
        self,
        width: int,
        depths: Sequence[int],
        heads: Sequence[int],
        refinement_depth: int,
        expansion: float,
        scale: int,
    ) -> None:
        super().__init__()

        def stage(stage_width: int, level: int, depth: int) -> nn.Sequential:
            return nn.Sequential(*(Block(stage_width, heads[level], expansion) for _ in range(depth)))

        widths = [width * 2**level for level in range(LEVELS)]
        self.scale = scale
        self.embed = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.encoders = nn.ModuleList(stage(widths[level], level, depths[level]) for level in range(LEVELS))
        self.downs = nn.ModuleList(halve(widths[level]) for level in range(LEVELS - 1))
        self.ups = nn.ModuleList(double(widths[level + 1]) for level in range(LEVELS - 1))
        # The finest level keeps the skip's channels beside its own, so its decoder is twice as wide as its encoder.
        self.fusions = nn.ModuleList(
            nn.Conv2d(2 * widths[level], widths[level], 1, bias=False) if level else nn.Identity()
            for level in range(LEVELS - 1)
        )
        decoder_widths = [2 * width, *widths[1:-1]]
        self.decoders = nn.ModuleList(stage(decoder_widths[level], level, depths[level]) for level in range(LEVELS - 1))
        self.refinement = stage(2 * width, 0, refinement_depth)
        self.output = nn.Conv2d(2 * width, 3 * scale**2, 3, padding=1, bias=False)
        self.shuffle = nn.PixelShuffle(scale) if scale > 1 else nn.Identity()

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return renamed(state, PUBLISHED_NAMES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.embed(image)
        skips = []
        for level in range(LEVELS - 1):
            x = self.encoders[level](x)
            skips.append(x)
            x = self.downs[level](x)
        x = self.encoders[-1](x)
        for level in reversed(range(LEVELS - 1)):
            x = torch.cat([self.ups[level](x), skips[level]], dim=1)
            x = self.decoders[level](self.fusions[level](x))
        residual: torch.Tensor = self.shuffle(self.output(self.refinement(x)))
        if self.scale > 1:
            image = F.interpolate(image, scale_factor=float(self.scale), mode="bilinear", align_corners=False)
        return residual + image


def _unit_length(x: torch.Tensor) -> torch.Tensor:
    """x over its L2 norm along the last axis; torch's `normalize` would export an Expand of it to the full size."""
    length: torch.Tensor = x.norm(dim=-1, keepdim=True)
    return x / length.clamp_min(1e-12)


def halve(width: int) -> nn.Sequential:
    """Half the resolution, twice the channels."""
    return nn.Sequential(nn.Conv2d(width, width // 2, 3, padding=1, bias=False), nn.PixelUnshuffle(2))


def double(width: int) -> nn.Sequential:
    """Twice the resolution, half the channels."""
    return nn.Sequential(nn.Conv2d(width, 2 * width, 3, padding=1, bias=False), nn.PixelShuffle(2))
