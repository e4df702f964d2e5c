"""Attention alone, with its projections, or as the whole EfficientViT block."""

from __future__ import annotations

from torch import Tensor, nn

from latency_bench.model_specs.architectures.attention.subject import Form, Scope
from latency_bench.model_specs.architectures.efficientvit.attention import (
    HeadAttention,
    MultiScaleLinearAttention,
    NeighbourhoodTokens,
    Similarity,
    Tokens,
    with_neighbourhoods,
)
from latency_bench.model_specs.architectures.efficientvit.blocks import EfficientViTModule
from latency_bench.model_specs.architectures.efficientvit.initialisation import initialise
from latency_bench.model_specs.architectures.efficientvit.layers import Residual

SIMILARITIES: dict[Form, Similarity] = {
    "relu-linear": "relu",
    "relu-quadratic": "relu-quadratic",
    "softmax": "softmax-written-out",
    "sdpa": "softmax",
}
SCALE = 5
"""Of the neighbourhood, as in the published models."""
EXPAND = 4
"""Of the block's local part, as in the published B series."""


class AttentionCore(nn.Module):
    """(B, heads*3d, H, W) -> (B, heads*d, H, W), twice the channels with multi-scale tokens."""

    def __init__(self, heads: int, head_dim: int, *, similarity: Similarity, multi_scale: bool, tokens: Tokens) -> None:
        super().__init__()
        sizes = (SCALE,) if multi_scale else ()
        self.scales = nn.ModuleList(NeighbourhoodTokens(3 * heads * head_dim, size, groups=3 * heads) for size in sizes)
        self.attend = HeadAttention(head_dim, similarity=similarity, tokens=tokens)

    def forward(self, qkv: Tensor) -> Tensor:
        attended: Tensor = self.attend(with_neighbourhoods(qkv, self.scales))
        return attended


def build(
    form: Form,
    scope: Scope,
    heads: int,
    head_dim: int,
    token_count: int,
    resolution: tuple[int, int],
    *,
    multi_scale: bool = False,
    repeats: int = 1,
    tokens: Tokens = "columns",
) -> nn.Module:
    """Builder `attention`. `resolution` is (height, width) of the feature map, `token_count` its pixels.

    Raises ValueError where the two do not agree, and for a core that is to be repeated: its output is no input of it.
    """
    if resolution[0] * resolution[1] != token_count:
        raise ValueError(
            f"{resolution[0]}x{resolution[1]} are {resolution[0] * resolution[1]} tokens, not {token_count}; "
            "the number of tokens is in the id"
        )
    similarity = SIMILARITIES[form]
    if scope == "core":
        if repeats != 1:
            raise ValueError("only a module or a block can be repeated")
        return initialise(AttentionCore(heads, head_dim, similarity=similarity, multi_scale=multi_scale, tokens=tokens))
    scales = (SCALE,) if multi_scale else ()

    def one() -> nn.Module:
        if scope == "module":
            return Residual(
                MultiScaleLinearAttention(
                    heads * head_dim, head_dim, scales=scales, similarity=similarity, tokens=tokens
                )
            )
        return EfficientViTModule(
            heads * head_dim,
            head_dim=head_dim,
            expand=EXPAND,
            activation="hard_swish",
            norm_eps=1e-5,
            scales=scales,
            similarity=similarity,
            tokens=tokens,
        )

    return initialise(nn.Sequential(*(one() for _ in range(repeats))))
