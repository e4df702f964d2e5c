"""EfficientSAM's image encoder (Xiong et al., CVPR 2024, arXiv:2312.00863): a small plain ViT with global attention.

Written from the paper (its repository is Apache-2.0); parameters carry the names of the authors' checkpoints. The
positions were learned at 224x224 and are enlarged to the input's size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from latency_bench.model_specs.architectures.sam.neck import SAM_PARTS, make_neck
from latency_bench.model_specs.architectures.sam.vit_encoder import NORM_EPS, PATCH
from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.published_names import part_of

LEARNED_SIZE = 224 // PATCH


def build(resolution: tuple[int, int], width: int, heads: int, depth: int = 12) -> nn.Module:
    """The encoder: width 192 and 3 heads are its Ti, 384 and 6 its S.

    The forward takes (N, 3, H, W) at `resolution` and returns the embedding (N, 256, H / 16, W / 16).
    Raises SpecError when the resolution is no multiple of 16 or the heads do not divide the width.
    """
    if resolution[0] % PATCH or resolution[1] % PATCH:
        raise SpecError(f"EfficientSAM: height and width must be multiples of {PATCH}; got {resolution}")
    if width % heads:
        raise SpecError(f"EfficientSAM: {heads} heads do not divide a width of {width}")
    return EfficientSamEncoder(resolution, width, heads, depth).eval()


class Attention(nn.Module):
    """Multi-head self-attention over (N, tokens, width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.scale = self.head_width**-0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        qkv = self.qkv(x).reshape(-1, x.shape[1], 3, self.heads, self.head_width)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((query @ key.transpose(-2, -1)) * self.scale).softmax(dim=-1)
        joined: torch.Tensor = self.proj((weights @ value).transpose(1, 2).flatten(2))
        return joined


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mapped: torch.Tensor = self.fc2(F.gelu(self.fc1(x)))
        return mapped


class Block(nn.Module):
    """Attention and MLP, each on normalised tokens and with a skip."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Mlp(width, 4 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        mapped: torch.Tensor = x + self.mlp(self.norm2(x))
        return mapped


class EfficientSamEncoder(nn.Module):
    """See `build` for shapes."""

    def __init__(self, resolution: tuple[int, int], width: int, heads: int, depth: int) -> None:
        super().__init__()
        self.size = (resolution[0] // PATCH, resolution[1] // PATCH)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, stride=PATCH)})
        # The first position belongs to a class token of the pre-training, which the encoder does not have.
        self.pos_embed = nn.Parameter(torch.empty(1, LEARNED_SIZE**2 + 1, width))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.neck = make_neck(width)
        self.register_buffer("enlarge_rows", _bicubic_matrix(self.size[0]), persistent=False)
        self.register_buffer("enlarge_columns", _bicubic_matrix(self.size[1]), persistent=False)
        self.enlarge_rows: torch.Tensor
        self.enlarge_columns: torch.Tensor

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed["proj"](image).flatten(2).transpose(1, 2) + self._positions()
        for block in self.blocks:
            x = block(x)
        embedding: torch.Tensor = self.neck(x.transpose(1, 2).reshape(-1, x.shape[-1], *self.size))
        return embedding

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The authors' files hold the whole of SAM."""
        return part_of(state, *SAM_PARTS)

    def _positions(self) -> torch.Tensor:
        """(1, tokens, width). Bicubic enlargement as two matrix products: TFLite has no bicubic operator, and exporters
        fold products of constants."""
        learned = self.pos_embed[0, 1:].reshape(LEARNED_SIZE, LEARNED_SIZE, -1).permute(2, 0, 1)
        enlarged = self.enlarge_rows @ learned @ self.enlarge_columns.transpose(0, 1)
        return enlarged.flatten(1).transpose(0, 1)[None]


def _bicubic_matrix(size: int) -> torch.Tensor:
    """(size, LEARNED_SIZE): the linear map that bicubic interpolation of one axis is; its columns are what it makes of
    the unit vectors."""
    unit_vectors = torch.eye(LEARNED_SIZE)[None, None]
    enlarged = F.interpolate(unit_vectors, size=(size, LEARNED_SIZE), mode="bicubic", align_corners=False)
    return enlarged[0, 0]
