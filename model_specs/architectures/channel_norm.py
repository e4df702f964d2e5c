"""Layer normalisation over the channels of an NCHW tensor, each position on its own."""

from __future__ import annotations

import torch
from torch import nn


class ChannelNorm(nn.Module):
    """Layer normalisation (Ba et al., arXiv:1607.06450, eq. 3) of (N, C, H, W) over C, with a learned scale and shift.

    Written out in elementwise operations and means: ONNX has no LayerNormalization before opset 17, and torch's own
    needs the channels last, which costs two transpositions that no runtime removes.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(dim=1, keepdim=True)
        variance = (centred * centred).mean(dim=1, keepdim=True)
        normalised = centred / torch.sqrt(variance + self.eps)
        return normalised * self.weight[:, None, None] + self.bias[:, None, None]
