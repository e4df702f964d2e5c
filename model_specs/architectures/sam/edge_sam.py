"""EdgeSAM's image encoder (Zhou et al., 2023, arXiv:2312.06660): RepViT-M1 (Wang et al., CVPR 2024), a small pyramid.

RepViT comes from timm (Apache-2.0). EdgeSAM's repository is under the S-Lab licence (not for commercial use); what is
added here, two 1x1 convolutions and SAM's neck, is written from the paper's description.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from latency_bench.model_specs.architectures.sam.edge_sam_checkpoint import PUBLISHED_BLOCKS, TRUNK, trained_trunk
from latency_bench.model_specs.architectures.sam.neck import EMBEDDING_WIDTH, SAM_PARTS, make_neck
from latency_bench.model_specs.architectures.sam.random_parameters import draw_parameters
from latency_bench.model_specs.published_names import part_of, renamed

_ADDED = ("fuse_stage", "neck.")
"""What of the encoder is no part of RepViT."""
# A block adds two depthwise branches to its input, and then a mixer of channels.
RESIDUAL_NORMS = ("token_mixer.conv.bn", "token_mixer.conv1.bn", "channel_mixer.conv2.bn", "ffn.conv2.bn")


def build(upsample: Literal["bicubic", "bilinear"] = "bicubic", reparameterised: bool = True) -> nn.Module:
    """The forward takes (N, 3, H, W), multiples of 32, and returns the embedding (N, 256, H / 16, W / 16).

    `reparameterised` merges RepViT's parallel branches and batch norms into single convolutions, as for deployment;
    those of a checkpoint from training are merged when it is loaded. `upsample` doubles the last stage's resolution.
    """
    from latency_bench.model_specs.architectures import timm_models

    trunk: Any = timm_models.build(TRUNK, num_classes=0)
    draw_parameters(trunk, RESIDUAL_NORMS)
    if reparameterised:
        trunk.fuse()
    return EdgeSamEncoder(trunk, upsample, reparameterised).eval()


class EdgeSamEncoder(nn.Module):
    """See `build` for shapes."""

    def __init__(self, trunk: Any, upsample: Literal["bicubic", "bilinear"], reparameterised: bool) -> None:
        super().__init__()
        self.upsample = upsample
        self._reparameterised = reparameterised
        self.stem = trunk.stem
        self.early_stages = nn.Sequential(*trunk.stages[:3])
        # timm counts the block before a reduction to the next stage; the pyramid takes the features between the two.
        reduction = trunk.stages[3].downsample
        self.last_fine_block = reduction.pre_block
        self.reduce = nn.Sequential(reduction.spatial_downsample, reduction.channel_downsample)
        self.reduced_mixer = reduction.ffn
        self.coarse_blocks = trunk.stages[3].blocks
        widths = [info["num_chs"] for info in trunk.feature_info]
        self.fuse_stage2 = nn.Conv2d(widths[2], EMBEDDING_WIDTH, 1, bias=False)
        self.fuse_stage3 = nn.Conv2d(widths[3], EMBEDDING_WIDTH, 1, bias=False)
        self.neck = make_neck(inputs=EMBEDDING_WIDTH)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        fine = self.last_fine_block(self.early_stages(self.stem(image)))
        coarse = self.reduce(fine)
        coarse = self.coarse_blocks(coarse + self.reduced_mixer(coarse))
        enlarged = F.interpolate(self.fuse_stage3(coarse), scale_factor=2.0, mode=self.upsample, align_corners=False)
        embedding: torch.Tensor = self.neck(self.fuse_stage2(fine) + enlarged)
        return embedding

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The authors' files hold the whole of SAM, with RepViT's branches as they were trained: these are merged here
        where this module has them merged."""
        own = renamed(part_of(state, *SAM_PARTS), ((r"^fuse_stage3\.op_list\.0\.", "fuse_stage3."),))
        blocks = {key: tensor for key, tensor in own.items() if key.startswith(PUBLISHED_BLOCKS)}
        if not blocks:
            return own
        others = {key: tensor for key, tensor in own.items() if key not in blocks}
        trunk, left_over = trained_trunk(blocks)
        if self._reparameterised:
            trunk.fuse()
        encoder = EdgeSamEncoder(trunk, self.upsample, self._reparameterised)
        of_trunk = {key: tensor for key, tensor in encoder.state_dict().items() if not key.startswith(_ADDED)}
        return {**others, **left_over, **of_trunk}
