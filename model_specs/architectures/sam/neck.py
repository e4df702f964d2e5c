"""The neck that brings an image encoder's features to the width that SAM's mask decoder expects."""

from __future__ import annotations

from torch import nn

from latency_bench.model_specs.architectures.channel_norm import ChannelNorm

EMBEDDING_WIDTH = 256
SAM_PARTS = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
"""How names of tensors begin in a file of the whole of SAM; the encoder's first."""


def make_neck(inputs: int, outputs: int = EMBEDDING_WIDTH) -> nn.Sequential:
    """(N, inputs, h, w) -> (N, outputs, h, w): 1x1 convolution, norm, 3x3 convolution, norm (SAM's appendix A)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, bias=False),
        ChannelNorm(outputs),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        ChannelNorm(outputs),
    )
