"""Networks that ask a device for one thing alone: arithmetic, or memory traffic. Their specs:
model_specs/calibration_specs.py."""

from __future__ import annotations

import torch
from torch import nn


def build_products(size: int, layers: int) -> nn.Module:
    """`layers` products with a `size` x `size` matrix, a ReLU behind each; takes [batch, size, size].

    The ReLU costs nothing beside a product, and keeps a compiler from multiplying the constant matrices beforehand.
    """
    return _network([nn.Linear(size, size, bias=False) for _ in range(layers)])


def build_convolutions(channels: int, layers: int) -> nn.Module:
    """`layers` 3x3 convolutions of `channels` channels, a ReLU behind each; takes [batch, channels, height, width]."""
    return _network([nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(layers)])


def build_sum() -> nn.Module:
    """a + b, element by element: two reads and one write an element, as STREAM's `add` (McCalpin, 1995)."""
    return Sum()


class Sum(nn.Module):
    """Adds two tensors of one shape."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b


def _network(layers: list[nn.Linear] | list[nn.Conv2d]) -> nn.Module:
    stages: list[nn.Module] = []
    for layer in layers:
        # Values keep their size from layer to layer (He et al., ICCV 2015), so that half precision can hold them.
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        stages += [layer, nn.ReLU()]
    return nn.Sequential(*stages)
