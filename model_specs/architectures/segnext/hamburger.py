"""SegNeXt's decoder: one Hamburger (matrix decomposition as global context) on the last three stages.

Hamburger: Geng et al., ICLR 2021, arXiv:2109.04553. Non-negative matrix factorisation by multiplicative updates: Lee
and Seung, NIPS 2000. Head: Guo et al., NeurIPS 2022, arXiv:2209.08575, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

_GROUPS = 32
_EPSILON = 1e-6


class NonNegativeFactorisation(nn.Module):
    """Low-rank reconstruction of a non-negative feature map: X (C x HW) ~ D (C x R) times K^T (R x HW).

    Shapes: (N, C, H, W) -> (N, C, H, W). K starts as a softmax over the R bases, then both factors are refined `steps`
    times: K <- K * (X^T D) / (K D^T D), D <- D * (X K) / (D K^T K), and K once more for the final D.

    The authors draw the initial D at each call. Here it is drawn once from `seed`, as a constant: a random operator in
    an exported graph would make its output, and its latency on some runtimes, a matter of luck. The stream is numpy's
    RandomState, which is the same in every version.
    """

    initial_bases: torch.Tensor

    def __init__(self, width: int, rank: int, steps: int, seed: int) -> None:
        super().__init__()
        self.steps = steps
        bases = np.random.RandomState(seed).random_sample((1, width, rank))
        bases /= np.linalg.norm(bases, axis=1, keepdims=True)
        tensor = torch.tensor(bases.astype(np.float32), device="cpu").to(torch.get_default_device())
        self.register_buffer("initial_bases", tensor, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, width, height_px, width_px = x.shape
        columns = x.reshape(count, width, height_px * width_px)
        rows = columns.transpose(1, 2)
        bases = self.initial_bases.expand(count, -1, -1)
        codes = F.softmax(rows @ bases, dim=-1)
        for _ in range(self.steps):
            codes = self._refine(codes, rows @ bases, bases)
            bases = self._refine(bases, columns @ codes, codes)
        codes = self._refine(codes, rows @ bases, bases)
        return (bases @ codes.transpose(1, 2)).reshape(count, width, height_px, width_px)

    @staticmethod
    def _refine(factor: torch.Tensor, numerator: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """One multiplicative update of `factor`, which keeps its signs; `other` is the factor held fixed."""
        return factor * numerator / (factor @ (other.transpose(1, 2) @ other) + _EPSILON)


class Hamburger(nn.Module):
    """Factorisation between two 1x1 convolutions ("bread"), with a skip: the global context of a feature map."""

    def __init__(self, width: int, rank: int, steps: int, seed: int) -> None:
        super().__init__()
        self.lower = nn.Conv2d(width, width, 1)
        self.factorise = NonNegativeFactorisation(width, rank, steps, seed)
        self.upper = nn.Conv2d(width, width, 1, bias=False)
        self.norm = nn.GroupNorm(_GROUPS, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        context = self.factorise(F.relu(self.lower(x)))
        return F.relu(x + self.norm(self.upper(context)))


def _project(width_in: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width_in, width_out, 1, bias=False), nn.GroupNorm(_GROUPS, width_out), nn.ReLU())


class LightHamburgerHead(nn.Module):
    """Stages 2 to 4 brought to stride 8, one Hamburger, a classifier per position.

    The forward takes the backbone's four feature maps and returns logits (N, classes, H/8, W/8) of the image's H and W.
    """

    def __init__(self, widths: Sequence[int], width: int, rank: int, steps: int, classes: int, seed: int) -> None:
        super().__init__()
        self.squeeze = _project(sum(widths[1:]), width)
        self.hamburger = Hamburger(width, rank, steps, seed)
        self.align = _project(width, width)
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        second = features[1]
        size = second.shape[2:]
        resized = [F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in features[2:]]
        x = self.squeeze(torch.cat([second, *resized], dim=1))
        logits: torch.Tensor = self.classify(self.align(self.hamburger(x)))
        return logits
