"""VapSR (Zhou et al., ECCV 2022 workshops, arXiv:2210.05960): super-resolution by vast-receptive-field attention.

Written from the paper's section 3, with the x2 network's widths as the authors trained it (48 channels, 20 blocks,
64 in the attention, a tail of 56); their repository names no licence.
"""

from __future__ import annotations

import torch
from torch import nn

from latency_bench.model_specs.architectures.channel_norm import ChannelNorm


def build(
    width: int = 48, depth: int = 20, attention_width: int = 64, tail_width: int = 56, scale: int = 2
) -> nn.Module:
    """VapSR for x2 (and x3); the x4 network has another tail and is not built here.

    The forward takes (N, 3, H, W) of any size and returns (N, 3, scale * H, scale * W).
    """
    return VapSR(width, depth, attention_width, tail_width, scale).eval()


class LargeKernelAttention(nn.Module):
    """Pixel attention (section 3.2): its weights come from a 17 x 17 field, a 5 x 5 and a dilated 5 x 5 in a row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(width, width, 1)
        self.depthwise = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.depthwise_dilated = nn.Conv2d(width, width, 5, padding=6, dilation=3, groups=width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights: torch.Tensor = self.depthwise_dilated(self.depthwise(self.pointwise(x)))
        return x * weights


class Block(nn.Module):
    """Expansion, attention, projection, skip, then "pixel normalisation": over channels, after the skip."""

    def __init__(self, width: int, attention_width: int) -> None:
        super().__init__()
        self.proj_1 = nn.Conv2d(width, attention_width, 1)
        self.activation = nn.GELU()
        self.atten_branch = LargeKernelAttention(attention_width)
        self.proj_2 = nn.Conv2d(attention_width, width, 1)
        self.pixel_norm = ChannelNorm(width, eps=1e-5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.proj_2(self.atten_branch(self.activation(self.proj_1(x))))
        normalised: torch.Tensor = self.pixel_norm(x + mixed)
        return normalised


class VapSR(nn.Module):
    """Figure 3 of the paper. See `build` for shapes. Parameters carry the names of the authors' checkpoints."""

    def __init__(self, width: int, depth: int, attention_width: int, tail_width: int, scale: int) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(Block(width, attention_width) for _ in range(depth)))
        self.conv_body = nn.Conv2d(width, width, 3, padding=1)
        self.upsampler = nn.Sequential(
            nn.Conv2d(width, tail_width, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(tail_width, 3 * scale**2, 3, padding=1),
            nn.PixelShuffle(scale),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        shallow = self.conv_first(image)
        enlarged: torch.Tensor = self.upsampler(shallow + self.conv_body(self.body(shallow)))
        return enlarged
