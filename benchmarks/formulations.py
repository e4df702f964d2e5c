"""ReLU linear attention, written in different ways that all compute the same function (attention_formulations.py).

Each takes what the model's projections give, (B, heads * 3 * d, H, W) with Q, K and V of a head side by side, and the
channels of a head, d. It gives (B, heads * d, H, W).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Formulation = Callable[[Tensor, int], Tensor]
SMALLEST = 2.0**-13
"""Lower bound of the denominators, as in the model's own formulas."""


def split_columns(qkv: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
    """Q, K, V of shape (B, h, d, N): a channel-first feature map is only viewed differently."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(batch, -1, 3 * d, height * width), d, dim=2)
    return F.relu(q), F.relu(k) * (height * width) ** -0.5, v


def split_rows(qkv: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
    """Q, K, V of shape (B, h, N, d), read channel-last."""
    batch, _, height, width = qkv.shape
    pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3 * d)
    q, k, v = torch.split(pixels.transpose(1, 2), d, dim=3)
    return F.relu(q), F.relu(k) * (height * width) ** -0.5, v


def authors(qkv: Tensor, d: int) -> Tensor:
    """V padded with a row of the constant 1: its last row of the product is the denominator."""
    q, k, v = split_columns(qkv, d)
    product = torch.matmul(torch.matmul(F.pad(v, (0, 0, 0, 1), value=1.0), k.transpose(-1, -2)), q)
    return join_columns(product[:, :, :-1] / product[:, :, -1:].clamp(min=SMALLEST), qkv)


def concatenated_ones(qkv: Tensor, d: int) -> Tensor:
    """As `authors`, the row of ones concatenated, which XNNPACK takes."""
    q, k, v = split_columns(qkv, d)
    product = torch.matmul(torch.matmul(torch.cat([v, torch.ones_like(v[:, :, :1])], dim=2), k.transpose(-1, -2)), q)
    return join_columns(product[:, :, :-1] / product[:, :, -1:].clamp(min=SMALLEST), qkv)


def columns(qkv: Tensor, d: int) -> Tensor:
    """K summed separately: numerator and denominator are two products."""
    q, k, v = split_columns(qkv, d)
    numerator = torch.matmul(torch.matmul(v, k.transpose(-1, -2)), q)
    denominator = torch.matmul(k.sum(dim=-1, keepdim=True).transpose(-1, -2), q)
    return join_columns(numerator / denominator.clamp(min=SMALLEST), qkv)


def rows(qkv: Tensor, d: int) -> Tensor:
    """As `columns`, tokens as rows."""
    q, k, v = split_rows(qkv, d)
    numerator = torch.matmul(q, torch.matmul(k.transpose(-1, -2), v))
    denominator = torch.matmul(q, k.sum(dim=-2, keepdim=True).transpose(-1, -2))
    return join_rows(numerator / denominator.clamp(min=SMALLEST), qkv)


def folded_columns(qkv: Tensor, d: int) -> Tensor:
    """As `columns`, batch and heads one dimension: products of rank 3, whose transposition a converter can absorb."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
    denominator = torch.bmm(k.sum(dim=2).unsqueeze(1), q)
    return (numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_columns_multiplied(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, multiplied with the reciprocal of the one row of denominators."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
    denominator = torch.bmm(k.sum(dim=2).unsqueeze(1), q)
    return (numerator * denominator.clamp(min=SMALLEST).reciprocal()).reshape(batch, -1, height, width)


def folded_columns_one_product(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, the sum of K appended to the small V K^T: one product with Q."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    weights = torch.cat([torch.bmm(v, k.transpose(1, 2)), k.sum(dim=2).unsqueeze(1)], dim=1)  # (B h, d + 1, d)
    product = torch.bmm(weights, q)
    return (product[:, :d] / product[:, d:].clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_columns_early_relu(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, one ReLU over Q and K, which are neighbours, before they are split."""
    batch, _, height, width = qkv.shape
    qk, v = torch.split(qkv.reshape(-1, 3 * d, height * width), [2 * d, d], dim=1)
    q, k = torch.split(F.relu(qk), d, dim=1)
    k = k * (height * width) ** -0.5
    numerator = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
    denominator = torch.bmm(k.sum(dim=2).unsqueeze(1), q)
    return (numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_columns_unscaled(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, without the scaling of K that half precision needs: what that scaling costs."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k)
    numerator = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
    denominator = torch.bmm(k.sum(dim=2).unsqueeze(1), q)
    return (numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_columns_scaled_sums(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, Q and K scaled by nothing; V and the ones of the sum carry N^-1/2 instead.

    Products of N terms are as small as with a scaled K; the scaling of V is a multiplication of the same size, and the
    sum becomes a mean.
    """
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k)
    scale = (height * width) ** -0.5
    numerator = torch.bmm(torch.bmm(v * scale, k.transpose(1, 2)), q)
    denominator = torch.bmm((k.mean(dim=2) * (height * width) ** 0.5).unsqueeze(1), q)
    return (numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_rows(qkv: Tensor, d: int) -> Tensor:
    """As `rows`, batch and heads one dimension."""
    batch, _, height, width = qkv.shape
    pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3 * d)
    q, k, v = torch.split(pixels.transpose(1, 2).reshape(-1, height * width, 3 * d), d, dim=2)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(q, torch.bmm(k.transpose(1, 2), v))
    denominator = torch.bmm(q, k.sum(dim=1).unsqueeze(2))
    return join_rows((numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height * width, d), qkv)


def folded_rows_one_product(qkv: Tensor, d: int) -> Tensor:
    """As `folded_rows`, the sum of K appended to the small K^T V: one product with Q."""
    batch, _, height, width = qkv.shape
    pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3 * d)
    q, k, v = torch.split(pixels.transpose(1, 2).reshape(-1, height * width, 3 * d), d, dim=2)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    weights = torch.cat([torch.bmm(k.transpose(1, 2), v), k.sum(dim=1).unsqueeze(2)], dim=2)  # (B h, d, d + 1)
    product = torch.bmm(q, weights)
    attended = product[:, :, :d] / product[:, :, d:].clamp(min=SMALLEST)
    return join_rows(attended.reshape(batch, -1, height * width, d), qkv)


def split_first_rows(qkv: Tensor, d: int) -> Tensor:
    """As `folded_rows`, one transposition to (3, B h, N, d): Q, K and V are contiguous slices."""
    batch, _, height, width = qkv.shape
    pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3, d)
    q, k, v = pixels.permute(3, 0, 2, 1, 4).reshape(3, -1, height * width, d).unbind(0)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(q, torch.bmm(k.transpose(1, 2), v))
    denominator = torch.bmm(q, k.sum(dim=1).unsqueeze(2))
    return join_rows((numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height * width, d), qkv)


def mixed(qkv: Tensor, d: int) -> Tensor:
    """Q as rows, K and V as columns: no product needs a transposed left operand."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q).transpose(1, 2), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(q, torch.bmm(k, v.transpose(1, 2)))
    denominator = torch.bmm(q, k.sum(dim=2).unsqueeze(2))
    return join_rows((numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height * width, d), qkv)


def join_columns(attended: Tensor, qkv: Tensor) -> Tensor:
    batch, _, height, width = qkv.shape
    return attended.reshape(batch, -1, height, width)


def join_rows(attended: Tensor, qkv: Tensor) -> Tensor:
    batch, channels, height, width = qkv.shape
    return attended.transpose(1, 2).reshape(batch, height, width, channels // 3).permute(0, 3, 1, 2)


FORMULATIONS: dict[str, Formulation] = {
    function.__name__: function
    for function in (
        authors, concatenated_ones, columns, rows, folded_columns, folded_columns_multiplied,
        folded_columns_one_product, folded_columns_early_relu, folded_columns_unscaled, folded_columns_scaled_sums,
        folded_rows, folded_rows_one_product, split_first_rows, mixed,
    )
}  # fmt: skip
