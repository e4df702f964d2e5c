"""The image encoder of EfficientViT-SAM: three feature maps added at 64x64, blocks, 256 channels."""

from __future__ import annotations

from torch import Tensor, nn

from latency_bench.model_specs.architectures.efficientvit.attention import Similarity, Tokens
from latency_bench.model_specs.architectures.efficientvit.backbone import Backbone
from latency_bench.model_specs.architectures.efficientvit.configurations import find_backbone
from latency_bench.model_specs.architectures.efficientvit.fusion import AddFusion, residual_blocks
from latency_bench.model_specs.architectures.efficientvit.initialisation import initialise
from latency_bench.model_specs.architectures.efficientvit.layers import Activation, LayerNorm2d, Resize, Upsample

EMBEDDING_CHANNELS = 256
EMBEDDING_SIZE = (64, 64)
# The authors' factory sets it for every norm of the SAM models, whatever the backbone's own is.
NORM_EPS = 1e-6


class Neck(nn.Module):
    """The last three stages' feature maps, deepest first -> (B, 256, 64, 64), whatever their sizes."""

    def __init__(
        self,
        in_channels: tuple[int, int, int],
        width: int,
        *,
        depth: int,
        expand: float,
        upsample: Upsample,
        activation: Activation,
        norm_eps: float,
    ) -> None:
        super().__init__()
        resizes = [Resize(size=EMBEDDING_SIZE, mode=upsample) for _ in in_channels]
        self.fuse = AddFusion(in_channels, width, resizes, norm_eps=norm_eps)
        self.blocks = residual_blocks(
            "fused_mbconv", depth, width, expand=expand, activation=activation, norm_eps=norm_eps
        )
        self.project = nn.Conv2d(width, EMBEDDING_CHANNELS, kernel_size=1)

    def forward(self, deep: Tensor, middle: Tensor, shallow: Tensor) -> Tensor:
        embedding: Tensor = self.project(self.blocks(self.fuse((deep, middle, shallow))))
        return embedding


class ImageEncoder(nn.Module):
    """(B, 3, H, W) -> image embedding (B, 256, 64, 64). The published sizes are 512x512 (L) and 1024x1024 (XL)."""

    def __init__(self, backbone: Backbone, neck: Neck, norm_eps: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.norm = LayerNorm2d(EMBEDDING_CHANNELS, eps=norm_eps)

    def forward(self, image: Tensor) -> Tensor:
        features = self.backbone(image)
        embedding: Tensor = self.norm(self.neck(features[-1], features[-2], features[-3]))
        return embedding


def build_encoder(
    backbone: str,
    *,
    neck_depth: int,
    neck_expand: float,
    neck_width: int = 256,
    similarity: Similarity = "relu",
    tokens: Tokens = "columns",
    upsample: Upsample = "bicubic",
) -> ImageEncoder:
    """Builder `efficientvit.sam_encoder`. Raises ValueError for an unknown name."""
    config = find_backbone(backbone).with_norm_eps(NORM_EPS)
    trunk = Backbone(config, similarity=similarity, tokens=tokens)
    neck = Neck(
        (trunk.widths[-1], trunk.widths[-2], trunk.widths[-3]),
        neck_width,
        depth=neck_depth,
        expand=neck_expand,
        upsample=upsample,
        activation=config.activation,
        norm_eps=NORM_EPS,
    )
    return initialise(ImageEncoder(trunk, neck, NORM_EPS))
