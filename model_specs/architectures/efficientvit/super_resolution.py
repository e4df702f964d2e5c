"""Super-resolution with EfficientViT modules. OUR DESIGN: the authors published no network for Table 5, nor its size.

What the paper says of it: the encoder-decoder with EfficientViT modules of its other tasks, x2, two widths (0.75 and
1). What we made of that is Figure 5 with less downsampling, since detail is what counts here: a stem at full
resolution, local stages at strides 1 and 2, EfficientViT modules at stride 4, the three feature maps added at full
resolution, blocks, and pixels by sub-pixel convolution (Shi et al., 2016) on top of the interpolated input. Numbers
measured on it are numbers of this design and reproduce no row of the paper.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from latency_bench.model_specs.architectures.efficientvit.attention import Similarity, Tokens
from latency_bench.model_specs.architectures.efficientvit.backbone import Backbone
from latency_bench.model_specs.architectures.efficientvit.configurations import BackboneConfig, Stage
from latency_bench.model_specs.architectures.efficientvit.fusion import AddFusion, residual_blocks
from latency_bench.model_specs.architectures.efficientvit.initialisation import initialise
from latency_bench.model_specs.architectures.efficientvit.layers import Activation, Resize, Upsample

HEAD_DIM = 32
# Widths at strides 1, 2, 4 of the model w1.0; the other is 0.75 of them, which keeps whole heads of 32 at stride 4.
WIDTHS = (32, 64, 128)
STEM_BLOCKS = 2
LOCAL_BLOCKS = 4
MODULES = 6
HEAD_BLOCKS = 4


class SuperResolutionHead(nn.Module):
    """Feature maps at strides 4, 2, 1 -> what to add to the interpolated image, (B, 3, scale*H, scale*W)."""

    def __init__(
        self,
        in_channels: tuple[int, int, int],
        width: int,
        scale: int,
        *,
        upsample: Upsample,
        activation: Activation,
        norm_eps: float,
    ) -> None:
        super().__init__()
        resizes = [Resize(factor=factor, mode=upsample) for factor in (4, 2, 1)]
        self.fuse = AddFusion(in_channels, width, resizes, norm_eps=norm_eps)
        self.blocks = residual_blocks("mbconv", HEAD_BLOCKS, width, expand=4, activation=activation, norm_eps=norm_eps)
        self.pixels = nn.Conv2d(width, 3 * scale**2, kernel_size=3, padding=1)
        self.scale = scale

    def forward(self, deep: Tensor, middle: Tensor, shallow: Tensor) -> Tensor:
        pixels: Tensor = self.pixels(self.blocks(self.fuse((deep, middle, shallow))))
        return F.pixel_shuffle(pixels, self.scale)


class SuperResolver(nn.Module):
    """(B, 3, H, W) -> (B, 3, scale*H, scale*W); H and W multiples of 4."""

    def __init__(self, encoder: Backbone, head: SuperResolutionHead, interpolate: Resize) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.interpolate = interpolate

    def forward(self, image: Tensor) -> Tensor:
        shallow, middle, deep = self.encoder(image)
        larger: Tensor = self.interpolate(image) + self.head(deep, middle, shallow)
        return larger


def build(
    width: float,
    *,
    scale: int = 2,
    similarity: Similarity = "relu",
    tokens: Tokens = "columns",
    upsample: Upsample = "bicubic",
) -> SuperResolver:
    """Builder `efficientvit.super_resolution`. Raises ValueError unless `width` gives whole heads of 32."""
    narrow, middle, wide = (round(channels * width) for channels in WIDTHS)
    config = BackboneConfig(
        stem_width=narrow,
        stem_blocks=STEM_BLOCKS,
        stem_block="mbconv",
        stem_stride=1,
        stem_expand=4,
        stages=(
            Stage(middle, LOCAL_BLOCKS, "mbconv", 4, "mbconv", 4),
            Stage(wide, MODULES, "efficientvit", 4, "mbconv", 4, fewer_norm=True),
        ),
        head_dim=HEAD_DIM,
        activation="hard_swish",
        norm_eps=1e-5,
    )
    encoder = Backbone(config, similarity=similarity, tokens=tokens)
    head = SuperResolutionHead(
        (wide, middle, narrow), narrow, scale, upsample=upsample, activation=config.activation, norm_eps=config.norm_eps
    )
    return initialise(SuperResolver(encoder, head, Resize(factor=scale, mode=upsample)))
