"""SegNeXt for semantic segmentation."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import nn

from latency_bench.model_specs.architectures.segnext.hamburger import LightHamburgerHead
from latency_bench.model_specs.architectures.segnext.mscan import Mscan
from latency_bench.model_specs.published_names import Rules, renamed, without

SCALE = re.compile(r"\.scale_(attention|mlp)$")
PUBLISHED_NAMES: Rules = (
    (r"^backbone\.patch_embed1\.proj\.", "backbone.stages.0.downsample."),
    *((rf"^backbone\.patch_embed{i}\.proj\.", f"backbone.stages.{i - 1}.downsample.0.") for i in (2, 3, 4)),
    *((rf"^backbone\.patch_embed{i}\.norm\.", f"backbone.stages.{i - 1}.downsample.1.") for i in (2, 3, 4)),
    *((rf"^backbone\.block{i}\.", f"backbone.stages.{i - 1}.blocks.") for i in (1, 2, 3, 4)),
    *((rf"^backbone\.norm{i}\.", f"backbone.stages.{i - 1}.norm.") for i in (1, 2, 3, 4)),
    (r"\.norm1\.", ".norm_attention."),
    (r"\.norm2\.", ".norm_mlp."),
    (r"\.attn\.proj_1\.", ".attention.project_in."),
    (r"\.attn\.proj_2\.", ".attention.project_out."),
    (r"\.attn\.spatial_gating_unit\.conv0\.", ".attention.attention.local."),
    *(
        (rf"\.attn\.spatial_gating_unit\.conv{strip}_{half}\.", f".attention.attention.strips.{strip}.{half - 1}.")
        for strip in (0, 1, 2)
        for half in (1, 2)
    ),
    (r"\.attn\.spatial_gating_unit\.conv3\.", ".attention.attention.mix."),
    (r"\.mlp\.fc1\.", ".mlp.0."),
    (r"\.mlp\.dwconv\.dwconv\.", ".mlp.1."),
    (r"\.mlp\.fc2\.", ".mlp.3."),
    (r"\.layer_scale_1$", ".scale_attention"),
    (r"\.layer_scale_2$", ".scale_mlp"),
    (r"^decode_head\.(squeeze|align)\.conv\.", r"head.\1.0."),
    (r"^decode_head\.(squeeze|align)\.gn\.", r"head.\1.1."),
    (r"^decode_head\.hamburger\.ham_in\.conv\.", "head.hamburger.lower."),
    (r"^decode_head\.hamburger\.ham_out\.conv\.", "head.hamburger.upper."),
    (r"^decode_head\.hamburger\.ham_out\.gn\.", "head.hamburger.norm."),
    (r"^decode_head\.conv_seg\.", "head.classify."),
)


class SegNext(nn.Module):
    """Backbone and head; (N, 3, H, W) -> logits (N, classes, H/8, W/8)."""

    def __init__(self, backbone: Mscan, head: LightHamburgerHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """From the authors' files, and mmsegmentation's, which have the same names. Scales are vectors there."""
        ours = renamed(without(state, r"auxiliary_head\."), PUBLISHED_NAMES)
        return {
            key: tensor.reshape(-1, 1, 1) if SCALE.search(key) and tensor.ndim == 1 else tensor
            for key, tensor in ours.items()
        }

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.backbone(image))
        return logits


def build(
    widths: Sequence[int],
    depths: Sequence[int],
    head_width: int,
    rank: int,
    classes: int,
    expand_ratios: Sequence[int] = (8, 8, 4, 4),
    factorisation_steps: int = 7,
    bases_seed: int = 0,
) -> nn.Module:
    """SegNeXt of the given size (table 2 of its paper), in eval mode.

    `rank` and `factorisation_steps` are the factorisation's (7 steps at inference), `bases_seed` draws its constant
    initial bases.
    """
    backbone = Mscan(widths, depths, expand_ratios)
    head = LightHamburgerHead(widths, head_width, rank, factorisation_steps, classes, bases_seed)
    return SegNext(backbone, head).eval()
