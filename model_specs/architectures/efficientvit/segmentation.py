"""Semantic segmentation (paper, Figure 5): P2, P3 and P4 added at stride 8, a few blocks, one score a class."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from latency_bench.model_specs.architectures.efficientvit.attention import Similarity, Tokens
from latency_bench.model_specs.architectures.efficientvit.backbone import Backbone
from latency_bench.model_specs.architectures.efficientvit.blocks import LocalBlock
from latency_bench.model_specs.architectures.efficientvit.configurations import find_backbone
from latency_bench.model_specs.architectures.efficientvit.fusion import AddFusion, residual_blocks
from latency_bench.model_specs.architectures.efficientvit.initialisation import initialise
from latency_bench.model_specs.architectures.efficientvit.layers import Activation, ConvNorm, Resize, Upsample


class SegmentationHead(nn.Module):
    """P4, P3, P2 at strides 32, 16, 8 -> (B, classes, H/8, W/8)."""

    def __init__(
        self,
        in_channels: tuple[int, int, int],
        width: int,
        classes: int,
        *,
        block: LocalBlock,
        depth: int,
        expand: float,
        final_expand: int | None,
        upsample: Upsample,
        activation: Activation,
        norm_eps: float,
    ) -> None:
        super().__init__()
        resizes = [Resize(factor=factor, mode=upsample) for factor in (4, 2, 1)]
        self.fuse = AddFusion(in_channels, width, resizes, norm_eps=norm_eps)
        self.blocks = residual_blocks(block, depth, width, expand=expand, activation=activation, norm_eps=norm_eps)
        self.expand: nn.Module = nn.Identity()
        if final_expand is not None:
            self.expand = ConvNorm(width, width * final_expand, 1, activation=activation, norm_eps=norm_eps)
        self.classify = nn.Conv2d(width * (final_expand or 1), classes, kernel_size=1)

    def forward(self, p4: Tensor, p3: Tensor, p2: Tensor) -> Tensor:
        scores: Tensor = self.classify(self.expand(self.blocks(self.fuse((p4, p3, p2)))))
        return scores


class Segmenter(nn.Module):
    """(B, 3, H, W) -> scores (B, classes, H/8, W/8). Resizing them to the image belongs to the evaluation, not here."""

    def __init__(self, backbone: Backbone, head: SegmentationHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, image: Tensor) -> Tensor:
        features = self.backbone(image)
        scores: Tensor = self.head(features[4], features[3], features[2])
        return scores


def build(
    backbone: str,
    classes: int,
    *,
    head_width: int,
    head_depth: int,
    head_block: LocalBlock = "mbconv",
    head_expand: float = 4,
    final_expand: int | None = None,
    widths: Sequence[int] | None = None,
    scales: Sequence[int] | None = None,
    similarity: Similarity = "relu",
    tokens: Tokens = "columns",
    upsample: Upsample = "bicubic",
) -> Segmenter:
    """Builder `efficientvit.segmentation`.

    `final_expand` widens the last feature map before the classifier. `widths` and `scales` replace the backbone's own
    (the ablations of Table 1). Raises ValueError for an unknown name or sizes that do not fit.
    """
    config = find_backbone(backbone)
    if widths is not None:
        config = config.with_widths(widths)
    if scales is not None:
        config = config.with_scales(scales)
    trunk = Backbone(config, similarity=similarity, tokens=tokens)
    head = SegmentationHead(
        (trunk.widths[4], trunk.widths[3], trunk.widths[2]),
        head_width,
        classes,
        block=head_block,
        depth=head_depth,
        expand=head_expand,
        final_expand=final_expand,
        upsample=upsample,
        activation=config.activation,
        norm_eps=config.norm_eps,
    )
    return initialise(Segmenter(trunk, head))
