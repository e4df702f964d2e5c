"""Multi-scale linear attention (paper, Section 2.1 and Figure 2, right)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from latency_bench.model_specs.architectures.efficientvit import attention_formulas as formulas
from latency_bench.model_specs.architectures.efficientvit.layers import ConvNorm

Similarity = Literal["relu", "softmax", "relu-quadratic", "softmax-written-out"]
Tokens = Literal["columns", "rows"]
Formula = Callable[[Tensor, Tensor, Tensor], Tensor]

FORMULAS: dict[tuple[str, str], Formula] = {
    ("relu", "columns"): formulas.relu_linear_attention_of_columns,
    ("relu", "rows"): formulas.relu_linear_attention,
    ("softmax", "columns"): formulas.softmax_attention_of_columns,
    ("softmax", "rows"): formulas.softmax_attention,
    ("relu-quadratic", "columns"): formulas.relu_quadratic_attention_of_columns,
    ("relu-quadratic", "rows"): formulas.relu_quadratic_attention,
    ("softmax-written-out", "columns"): formulas.written_out_softmax_attention_of_columns,
    ("softmax-written-out", "rows"): formulas.written_out_softmax_attention,
}


class HeadAttention(nn.Module):
    """(B, heads*3d, H, W) -> (B, heads*d, H, W): attention over all H*W tokens, every head on its own.

    Channels are, head by head, d of Q, d of K, d of V, as the 1x1 convolution before it leaves them. `similarity` is
    `relu` (linear, through K^T V), `relu-quadratic` (the same function through the map of tokens by tokens), `softmax`
    (PyTorch's fused operator) or `softmax-written-out`. `tokens` chooses between two ways to write the same thing for
    converters: "columns" needs no transposition of a channel-first feature map, "rows" none of a channel-last one.
    """

    def __init__(self, head_dim: int, *, similarity: Similarity = "relu", tokens: Tokens = "columns") -> None:
        super().__init__()
        if (similarity, tokens) not in FORMULAS:
            raise ValueError(f"no attention for similarity={similarity!r}, tokens={tokens!r}; known: {list(FORMULAS)}")
        self.head_dim = head_dim
        self.similarity = similarity
        self.tokens = tokens
        self.formula = FORMULAS[similarity, tokens]

    def forward(self, qkv: Tensor) -> Tensor:
        return self._columns(qkv) if self.tokens == "columns" else self._rows(qkv)

    def _columns(self, qkv: Tensor) -> Tensor:
        """Tokens as columns: the feature map is only viewed differently."""
        batch, _, height, width = qkv.shape
        heads = qkv.reshape(*self._leading(batch), 3 * self.head_dim, height * width)
        q, k, v = torch.split(heads, self.head_dim, dim=-2)
        return self.formula(q, k, v).reshape(batch, -1, height, width)

    def _rows(self, qkv: Tensor) -> Tensor:
        """Tokens as rows: the feature map is read channel-last."""
        batch, channels, height, width = qkv.shape
        pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3 * self.head_dim)
        heads = pixels.transpose(1, 2).reshape(*self._leading(batch), height * width, 3 * self.head_dim)
        q, k, v = torch.split(heads, self.head_dim, dim=-1)
        attended = self.formula(q, k, v).reshape(batch, -1, height * width, self.head_dim).transpose(1, 2)
        return attended.reshape(batch, height, width, channels // 3).permute(0, 3, 1, 2)

    def _leading(self, batch: int) -> tuple[int, ...]:
        """Batch and heads, as one dimension where products are written: converters absorb a transposition into one of
        rank 3 alone (benchmarks/attention_formulations.py). PyTorch's fused operator wants them as two."""
        return (batch, -1) if self.similarity == "softmax" else (-1,)


class MultiScaleLinearAttention(nn.Module):
    """(B, C, H, W) -> (B, C, H, W).

    Q, K and V by one 1x1 convolution; for every scale, tokens that aggregate their s x s neighbourhood; attention
    over all H*W tokens, every head of every scale on its own; the outputs concatenated and projected.

    Channels of the 1x1 convolution are, head by head, d of Q, d of K, d of V. `scales` are the odd sizes of the
    neighbourhoods, (5,) in the paper; () switches multi-scale off (Table 1). `similarity="softmax"` puts softmax
    attention in the place of ReLU linear attention and changes nothing else (Figure 4). `tokens` is as in
    HeadAttention.
    """

    def __init__(
        self,
        channels: int,
        head_dim: int,
        *,
        scales: Sequence[int] = (5,),
        similarity: Similarity = "relu",
        tokens: Tokens = "columns",
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        if channels % head_dim:
            raise ValueError(f"{channels} channels cannot be split into heads of {head_dim}")
        self.head_dim = head_dim
        self.attend = HeadAttention(head_dim, similarity=similarity, tokens=tokens)
        heads = channels // head_dim
        self.qkv = nn.Conv2d(channels, 3 * channels, kernel_size=1, bias=False)
        self.scales = nn.ModuleList(NeighbourhoodTokens(3 * channels, size, groups=3 * heads) for size in scales)
        self.project = ConvNorm(channels * (1 + len(scales)), channels, kernel_size=1, norm_eps=norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.project(self.attend(with_neighbourhoods(self.qkv(x), self.scales)))
        return projected


class NeighbourhoodTokens(nn.Sequential):
    """Tokens that aggregate their size x size neighbourhood, each of Q, K, V of each head on its own.

    One depthwise convolution and one 1x1 convolution in groups for all heads together: 3 x heads groups of d channels.
    """

    def __init__(self, channels: int, size: int, groups: int) -> None:
        super().__init__()
        if size % 2 == 0:
            raise ValueError(f"a neighbourhood has an odd size, not {size}")
        self.depthwise = nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, kernel_size=1, groups=groups, bias=False)


def with_neighbourhoods(qkv: Tensor, scales: nn.ModuleList) -> Tensor:
    """(B, C, H, W) -> (B, C * (1 + scales), H, W): the tokens themselves, then those of every scale."""
    return torch.cat([qkv, *(scale(qkv) for scale in scales)], dim=1) if len(scales) else qkv
