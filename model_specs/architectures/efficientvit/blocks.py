"""The building blocks: local ones, and the EfficientViT module (paper, Figure 2, left).

All map (B, C, H, W) to (B, C', H/stride, W/stride). `fewer_norm` leaves batch norm to the last convolution of a block
and gives the others a bias: the published configurations do so in the last two stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

from latency_bench.model_specs.architectures.efficientvit.attention import MultiScaleLinearAttention, Similarity, Tokens
from latency_bench.model_specs.architectures.efficientvit.layers import Activation, ConvNorm, Residual

LocalBlock = Literal["dsconv", "mbconv", "fused_mbconv", "res"]


class DSConv(nn.Sequential):
    """Depthwise-separable convolution (MobileNet): 3x3 depthwise, 1x1."""

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int, activation: Activation, norm_eps: float
    ) -> None:
        super().__init__()
        self.depthwise = ConvNorm(
            in_channels, in_channels, 3, stride=stride, groups=in_channels, activation=activation, norm_eps=norm_eps
        )
        self.project = ConvNorm(in_channels, out_channels, 1, norm_eps=norm_eps)


class MBConv(nn.Sequential):
    """Inverted bottleneck (MobileNetV2): 1x1 to `expand` times the channels, 3x3 depthwise, 1x1."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        expand: float,
        activation: Activation,
        norm_eps: float,
        stride: int = 1,
        fewer_norm: bool = False,
    ) -> None:
        super().__init__()
        middle, norm = round(in_channels * expand), not fewer_norm
        self.expand = ConvNorm(in_channels, middle, 1, norm=norm, activation=activation, norm_eps=norm_eps)
        self.depthwise = ConvNorm(
            middle, middle, 3, stride=stride, groups=middle, norm=norm, activation=activation, norm_eps=norm_eps
        )
        self.project = ConvNorm(middle, out_channels, 1, norm_eps=norm_eps)


class FusedMBConv(nn.Sequential):
    """Inverted bottleneck whose expansion and depthwise convolution are one dense 3x3 (EfficientNetV2)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        expand: float,
        activation: Activation,
        norm_eps: float,
        stride: int = 1,
        fewer_norm: bool = False,
    ) -> None:
        super().__init__()
        middle = round(in_channels * expand)
        self.expand = ConvNorm(
            in_channels, middle, 3, stride=stride, norm=not fewer_norm, activation=activation, norm_eps=norm_eps
        )
        self.project = ConvNorm(middle, out_channels, 1, norm_eps=norm_eps)


class ResBlock(nn.Sequential):
    """Two dense 3x3 convolutions."""

    def __init__(self, channels: int, *, activation: Activation, norm_eps: float) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, 3, activation=activation, norm_eps=norm_eps)
        self.conv2 = ConvNorm(channels, channels, 3, norm_eps=norm_eps)


class EfficientViTModule(nn.Sequential):
    """Context by multi-scale linear attention, then local information by an FFN with depthwise convolution (MBConv)."""

    def __init__(
        self,
        channels: int,
        *,
        head_dim: int,
        expand: float,
        activation: Activation,
        norm_eps: float,
        scales: Sequence[int] = (5,),
        similarity: Similarity = "relu",
        tokens: Tokens = "columns",
        fewer_norm: bool = True,
    ) -> None:
        super().__init__()
        self.context = Residual(
            MultiScaleLinearAttention(
                channels, head_dim, scales=scales, similarity=similarity, tokens=tokens, norm_eps=norm_eps
            )
        )
        self.local = Residual(
            MBConv(channels, channels, expand=expand, activation=activation, norm_eps=norm_eps, fewer_norm=fewer_norm)
        )


def make_local_block(
    kind: LocalBlock,
    in_channels: int,
    out_channels: int,
    *,
    expand: float,
    activation: Activation,
    norm_eps: float,
    stride: int = 1,
    fewer_norm: bool = False,
) -> nn.Module:
    """One block by name, as the configurations of backbones and heads name them."""
    if kind == "mbconv" or kind == "fused_mbconv":
        block = MBConv if kind == "mbconv" else FusedMBConv
        return block(
            in_channels,
            out_channels,
            expand=expand,
            activation=activation,
            norm_eps=norm_eps,
            stride=stride,
            fewer_norm=fewer_norm,
        )
    if kind == "dsconv":
        return DSConv(in_channels, out_channels, stride=stride, activation=activation, norm_eps=norm_eps)
    if kind == "res" and in_channels == out_channels and stride == 1:
        return ResBlock(in_channels, activation=activation, norm_eps=norm_eps)
    raise ValueError(f"no block {kind!r} for {in_channels} -> {out_channels} channels at stride {stride}")
