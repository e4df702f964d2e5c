"""What segmentation and segment-anything heads share (paper, Figure 5, right): feature maps added up, then blocks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from latency_bench.model_specs.architectures.efficientvit.blocks import LocalBlock, make_local_block
from latency_bench.model_specs.architectures.efficientvit.layers import Activation, ConvNorm, Residual, Resize


class AddFusion(nn.Module):
    """Feature maps of several sizes -> their sum: each by a 1x1 convolution to `width` channels, then resized."""

    def __init__(self, in_channels: Sequence[int], width: int, resizes: Sequence[Resize], *, norm_eps: float) -> None:
        super().__init__()
        self.projections = nn.ModuleList(ConvNorm(channels, width, 1, norm_eps=norm_eps) for channels in in_channels)
        self.resizes = nn.ModuleList(resizes)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        total: Tensor | None = None
        for feature, projection, resize in zip(features, self.projections, self.resizes, strict=True):
            resized: Tensor = resize(projection(feature))
            total = resized if total is None else total + resized
        assert total is not None
        return total


def residual_blocks(
    kind: LocalBlock, count: int, width: int, *, expand: float, activation: Activation, norm_eps: float
) -> nn.Sequential:
    """`count` blocks with shortcuts. (B, width, H, W) -> the same."""
    return nn.Sequential(
        *(
            Residual(make_local_block(kind, width, width, expand=expand, activation=activation, norm_eps=norm_eps))
            for _ in range(count)
        )
    )
