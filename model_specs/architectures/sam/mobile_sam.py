"""MobileSAM's image encoder (Zhang et al., 2023, arXiv:2306.14289): TinyViT-5M (Wu et al., ECCV 2022) and SAM's neck.

TinyViT comes from timm (Apache-2.0), with the one change that MobileSAM made: the last stage keeps the resolution.
"""

from __future__ import annotations

import torch
from torch import nn

from latency_bench.model_specs.architectures.sam.neck import SAM_PARTS, make_neck
from latency_bench.model_specs.architectures.sam.random_parameters import draw_parameters
from latency_bench.model_specs.published_names import part_of, renamed, without

TRUNK = "tiny_vit_5m_224"
_STAGES = 3
"""That are followed by another."""
PUBLISHED_NAMES = (
    (r"^patch_embed\.seq\.0\.", "patch_embed.conv1."),
    (r"^patch_embed\.seq\.2\.", "patch_embed.conv2."),
    # The authors count the reduction between two stages to the first of them, timm to the second.
    *((rf"^layers\.{stage}\.downsample\.", f"stages.{stage + 1}.downsample.") for stage in range(_STAGES)),
    (r"^layers\.", "stages."),
    (r"\.c\.(weight)$", r".conv.\1"),
)
_UNUSED = (r"norm_head\.", r"head\.", r".*\.attention_bias_idxs$")
"""Of the authors' files: a classifier that no embedding goes through, and indices that follow from the windows."""
# What closes the residual branch of a convolutional block.
RESIDUAL_NORMS = ("blocks.0.conv3.bn", "blocks.1.conv3.bn")


def build() -> nn.Module:
    """The forward takes (N, 3, H, W), multiples of 16, and returns the embedding (N, 256, H / 16, W / 16)."""
    from latency_bench.model_specs.architectures import timm_models

    trunk = timm_models.build(TRUNK, num_classes=0)
    draw_parameters(trunk, RESIDUAL_NORMS)
    return MobileSamEncoder(trunk).eval()


class MobileSamEncoder(nn.Module):
    """See `build` for shapes."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.patch_embed = trunk.get_submodule("patch_embed")
        self.stages = trunk.get_submodule("stages")
        shrinking = self.stages.get_submodule("3.downsample.conv2.conv")
        assert isinstance(shrinking, nn.Conv2d)
        shrinking.stride = (1, 1)
        self.neck = make_neck(inputs=shrinking.out_channels)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        embedding: torch.Tensor = self.neck(self.stages(self.patch_embed(image)))
        return embedding

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The authors' files hold the whole of SAM."""
        return renamed(without(part_of(state, *SAM_PARTS), *_UNUSED), PUBLISHED_NAMES)
