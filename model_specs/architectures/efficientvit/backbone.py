"""The backbone (paper, Figure 5, left): a stem and four or five stages, each halving the resolution."""

from __future__ import annotations

from torch import Tensor, nn

from latency_bench.model_specs.architectures.efficientvit.attention import Similarity, Tokens
from latency_bench.model_specs.architectures.efficientvit.blocks import EfficientViTModule, make_local_block
from latency_bench.model_specs.architectures.efficientvit.configurations import BackboneConfig, Stage
from latency_bench.model_specs.architectures.efficientvit.layers import ConvNorm, Residual


class Backbone(nn.Module):
    """(B, 3, H, W) -> the stem's and every stage's feature map, at strides 2, 4, 8, 16, 32 (and 64 in XL)
    of the image; from 1 on where the configuration says `stem_stride=1`.

    The paper's P2, P3 and P4 are the outputs of stages 2, 3 and 4: items 2, 3 and 4 of the tuple.
    """

    def __init__(self, config: BackboneConfig, *, similarity: Similarity = "relu", tokens: Tokens = "columns") -> None:
        super().__init__()
        self.config = config
        activation, norm_eps = config.activation, config.norm_eps
        width = config.stem_width
        self.stem = nn.Sequential(
            ConvNorm(3, width, 3, stride=config.stem_stride, activation=activation, norm_eps=norm_eps),
            *(
                Residual(
                    make_local_block(
                        config.stem_block,
                        width,
                        width,
                        expand=config.stem_expand,
                        activation=activation,
                        norm_eps=norm_eps,
                    )
                )
                for _ in range(config.stem_blocks)
            ),
        )
        self.stages = nn.ModuleList()
        for stage in config.stages:
            self.stages.append(make_stage(width, stage, config, similarity=similarity, tokens=tokens))
            width = stage.width

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        features: list[Tensor] = [self.stem(x)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return tuple(features)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the outputs."""
        return (self.config.stem_width, *(stage.width for stage in self.config.stages))


def make_stage(
    in_channels: int, stage: Stage, config: BackboneConfig, *, similarity: Similarity, tokens: Tokens
) -> nn.Sequential:
    """(B, in_channels, H, W) -> (B, stage.width, H/2, W/2)."""
    downsample = make_local_block(
        stage.downsample,
        in_channels,
        stage.width,
        expand=stage.downsample_expand,
        activation=config.activation,
        norm_eps=config.norm_eps,
        stride=2,
        fewer_norm=stage.fewer_norm,
    )
    blocks = (make_block(stage, config, similarity=similarity, tokens=tokens) for _ in range(stage.blocks))
    return nn.Sequential(downsample, *blocks)


def make_block(stage: Stage, config: BackboneConfig, *, similarity: Similarity, tokens: Tokens) -> nn.Module:
    """One of a stage's blocks after the first: an EfficientViT module, or a local block with a shortcut."""
    if stage.block == "efficientvit":
        return EfficientViTModule(
            stage.width,
            head_dim=config.head_dim,
            expand=stage.expand,
            activation=config.activation,
            norm_eps=config.norm_eps,
            scales=stage.scales,
            similarity=similarity,
            tokens=tokens,
        )
    return Residual(
        make_local_block(
            stage.block,
            stage.width,
            stage.width,
            expand=stage.expand,
            activation=config.activation,
            norm_eps=config.norm_eps,
            fewer_norm=stage.fewer_norm,
        )
    )
