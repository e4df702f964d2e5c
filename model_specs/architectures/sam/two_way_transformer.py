"""The transformer inside SAM's mask decoder: prompt tokens and image positions attend to each other (appendix A)."""

from __future__ import annotations

import torch
from torch import nn

# Cross-attention works in half the width.
CROSS_ATTENTION_REDUCTION = 2


class Attention(nn.Module):
    """Multi-head attention whose inner width may be smaller than the outer."""

    def __init__(self, width: int, heads: int, reduction: int = 1) -> None:
        super().__init__()
        inner = width // reduction
        self.heads, self.head_width = heads, inner // heads
        self.scale = self.head_width**-0.5
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(width, inner)
        self.v_proj = nn.Linear(width, inner)
        self.out_proj = nn.Linear(inner, width)

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """(N, tokens, width) each; the tokens of query, and those of key and value, may differ in number."""
        query, key = self._split(self.q_proj(query)), self._split(self.k_proj(key))
        weights = ((query @ key.transpose(-2, -1)) * self.scale).softmax(dim=-1)
        mixed = weights @ self._split(self.v_proj(value))
        joined: torch.Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return joined

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, self.head_width).transpose(1, 2)


class Mlp(nn.Module):
    """Two linear layers with ReLU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mapped: torch.Tensor = self.lin2(self.lin1(x).relu())
        return mapped


class TwoWayBlock(nn.Module):
    """Tokens attend to themselves, to the image, pass an MLP; then the image attends to the tokens.

    The first block has no positions to add yet: its tokens are the positions, so its self-attention runs on them bare
    and has no skip.
    """

    def __init__(self, width: int, heads: int, hidden: int, first: bool, norm_eps: float) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width, eps=norm_eps)
        self.cross_attn_token_to_image = Attention(width, heads, CROSS_ATTENTION_REDUCTION)
        self.norm2 = nn.LayerNorm(width, eps=norm_eps)
        self.mlp = Mlp(width, hidden)
        self.norm3 = nn.LayerNorm(width, eps=norm_eps)
        self.cross_attn_image_to_token = Attention(width, heads, CROSS_ATTENTION_REDUCTION)
        self.norm4 = nn.LayerNorm(width, eps=norm_eps)

    def forward(
        self, tokens: torch.Tensor, image: torch.Tensor, token_positions: torch.Tensor, image_positions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            placed = tokens + token_positions
            tokens = tokens + self.self_attn(placed, placed, tokens)
        tokens = self.norm1(tokens)
        placed_image = image + image_positions
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + token_positions, placed_image, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = self.norm4(image + self.cross_attn_image_to_token(placed_image, tokens + token_positions, tokens))
        return tokens, image


class TwoWayTransformer(nn.Module):
    """`depth` two-way blocks and a last look of the tokens at the image."""

    def __init__(self, width: int, depth: int, heads: int, hidden: int, norm_eps: float = 1e-5) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(width, heads, hidden, index == 0, norm_eps) for index in range(depth))
        self.final_attn_token_to_image = Attention(width, heads, CROSS_ATTENTION_REDUCTION)
        self.norm_final_attn = nn.LayerNorm(width, eps=norm_eps)

    def forward(
        self, tokens: torch.Tensor, image: torch.Tensor, image_positions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """tokens (N, T, width), image (N, h * w, width), image_positions (1, h * w, width) -> tokens, image."""
        token_positions = tokens
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_positions, image_positions)
        looked = self.final_attn_token_to_image(tokens + token_positions, image + image_positions, image)
        return self.norm_final_attn(tokens + looked), image
