"""SegNeXt for semantic segmentation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from latency_bench.model_specs.architectures.segnext.hamburger import LightHamburgerHead
from latency_bench.model_specs.architectures.segnext.mscan import Mscan


class SegNext(nn.Module):
    """Backbone and head; (N, 3, H, W) -> logits (N, classes, H/8, W/8)."""

    def __init__(self, backbone: Mscan, head: LightHamburgerHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

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
