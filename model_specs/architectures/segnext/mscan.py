"""MSCAN, SegNeXt's backbone: convolutional attention from strip convolutions of three lengths.

Guo et al., NeurIPS 2022, arXiv:2209.08575, section 3.1 and table 2. Configuration details that the text leaves open
(biases, layer scale 0.01, the inner skip of the attention branch) follow the authors' published configuration.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

_STRIP_LENGTHS = (7, 11, 21)
_LAYER_SCALE = 1e-2


def _depthwise(width: int, height_px: int, width_px: int) -> nn.Conv2d:
    padding = (height_px // 2, width_px // 2)
    return nn.Conv2d(width, width, (height_px, width_px), padding=padding, groups=width)


class MultiScaleConvAttention(nn.Module):
    """Weights for each position and channel from its surroundings at three scales, multiplied onto the input.

    Shapes: (N, C, H, W) -> (N, C, H, W). A k x k depthwise kernel is approximated by a 1 x k and a k x 1 one.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.local = _depthwise(width, 5, 5)
        self.strips = nn.ModuleList(
            nn.Sequential(_depthwise(width, 1, length), _depthwise(width, length, 1)) for length in _STRIP_LENGTHS
        )
        self.mix = nn.Conv2d(width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        local = self.local(x)
        total = local
        for strip in self.strips:
            total = total + strip(local)
        weighted: torch.Tensor = self.mix(total) * x
        return weighted


class AttentionBranch(nn.Module):
    """1x1 projection, GELU, attention, 1x1 projection, with a skip around the four."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project_in = nn.Conv2d(width, width, 1)
        self.activation = nn.GELU()
        self.attention = MultiScaleConvAttention(width)
        self.project_out = nn.Conv2d(width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skipped: torch.Tensor = x + self.project_out(self.attention(self.activation(self.project_in(x))))
        return skipped


class ConvolutionalMlp(nn.Sequential):
    """1x1 expansion, 3x3 depthwise convolution, GELU, 1x1 projection."""

    def __init__(self, width: int, expand_ratio: int) -> None:
        hidden = width * expand_ratio
        super().__init__(nn.Conv2d(width, hidden, 1), _depthwise(hidden, 3, 3), nn.GELU(), nn.Conv2d(hidden, width, 1))


class Block(nn.Module):
    """Attention branch, then MLP, each on batch-normalised input, scaled per channel and added to its input."""

    def __init__(self, width: int, expand_ratio: int) -> None:
        super().__init__()
        self.norm_attention = nn.BatchNorm2d(width)
        self.attention = AttentionBranch(width)
        self.scale_attention = nn.Parameter(torch.full((width, 1, 1), _LAYER_SCALE))
        self.norm_mlp = nn.BatchNorm2d(width)
        self.mlp = ConvolutionalMlp(width, expand_ratio)
        self.scale_mlp = nn.Parameter(torch.full((width, 1, 1), _LAYER_SCALE))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.scale_attention * self.attention(self.norm_attention(x))
        updated: torch.Tensor = x + self.scale_mlp * self.mlp(self.norm_mlp(x))
        return updated


class Stage(nn.Module):
    """Downsampling, blocks, and a layer normalisation over the channels of each position."""

    def __init__(self, downsample: nn.Module, width: int, depth: int, expand_ratio: int) -> None:
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.Sequential(*(Block(width, expand_ratio) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.downsample(x))
        normed: torch.Tensor = self.norm(x.permute(0, 2, 3, 1))
        return normed.permute(0, 3, 1, 2).contiguous()


def _halve(width_in: int, width_out: int) -> list[nn.Module]:
    return [nn.Conv2d(width_in, width_out, 3, stride=2, padding=1), nn.BatchNorm2d(width_out)]


class Mscan(nn.Module):
    """Four stages at strides 4, 8, 16, 32; the forward takes (N, 3, H, W) and returns the four feature maps."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int], expand_ratios: Sequence[int]) -> None:
        super().__init__()
        stem = nn.Sequential(*_halve(3, widths[0] // 2), nn.GELU(), *_halve(widths[0] // 2, widths[0]))
        downsamples: list[nn.Module] = [stem]
        downsamples += [nn.Sequential(*_halve(widths[i], widths[i + 1])) for i in range(len(widths) - 1)]
        self.stages = nn.ModuleList(
            Stage(downsample, width, depth, ratio)
            for downsample, width, depth, ratio in zip(downsamples, widths, depths, expand_ratios, strict=True)
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features
