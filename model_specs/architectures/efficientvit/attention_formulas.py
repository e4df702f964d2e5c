"""Attention as formulas: generalised attention (paper, Eq. 1) with ReLU or softmax similarity.

Shapes throughout: B batch, h heads, N tokens, d channels a head. `q`, `k`, `v` are (B, h, N, d), and so is the result;
B and h may be one dimension as well. The functions named `..._of_columns` take and give (B, h, d, N), which is how
tokens lie in a channel-first feature map. All compute O_i = sum_j Sim(Q_i, K_j) V_j / sum_j Sim(Q_i, K_j).

Half precision. The denominator of ReLU attention is a sum over all N tokens, and K^T V are d x d such sums: with 8192
tokens (1024x2048 at stride 16) both pass 65504, the largest float16, for activations that photographs cause. So the
products and sums of the linear forms are in float32 whatever the module's type is, as in the authors' code; in files,
harness/export/half_precision.py keeps the same products in float32. K is scaled by N^-1/2 besides, which changes no
result, because similarity is homogeneous in K. A token whose query is zero after the ReLU has 0 as numerator and as
denominator: the latter is clamped from below, hence the result is 0. Clamping, unlike adding, leaves every other value
alone.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST_DENOMINATOR = 2.0**-13


def _widened(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Half precision as float32. Nothing is added to the graph of a module that is float32 (or float64) already."""
    halves = (torch.float16, torch.bfloat16)
    return tuple(tensor.float() if tensor.dtype in halves else tensor for tensor in tensors)


def relu_linear_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eq. 3: ReLU(Q) (ReLU(K)^T V) / (ReLU(Q) (sum_j ReLU(K_j))^T), in O(N d^2). (B, h, N, d) -> (B, h, N, d).

    Numerator and denominator are one product, with the sum of K beside the small K^T V. Appending a column of ones to V
    would do the same, but the padding that does so leaves the accelerated part of TFLite graphs.
    """
    dtype = v.dtype
    q, k, v = _widened(F.relu(q), F.relu(k), v)
    k = k * k.shape[-2] ** -0.5
    key_value = torch.matmul(k.transpose(-1, -2), v)  # (B, h, d, d)
    key_sum = k.sum(dim=-2).unsqueeze(-1)  # (B, h, d, 1)
    product = torch.matmul(q, torch.cat([key_value, key_sum], dim=-1))  # (B, h, N, d + 1)
    numerator, denominator = product[..., :-1], product[..., -1:]
    return (numerator / denominator.clamp(min=SMALLEST_DENOMINATOR)).to(dtype)


def relu_linear_attention_of_columns(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`relu_linear_attention` with tokens as columns. (B, h, d, N) -> (B, h, d, N).

    Numerator and denominator are two products: as one, ONNX Runtime gains nothing.
    """
    dtype = v.dtype
    q, k, v = _widened(F.relu(q), F.relu(k), v)
    k = k * k.shape[-1] ** -0.5
    value_key = torch.matmul(v, k.transpose(-1, -2))  # (B, h, d, d)
    key_sum = k.sum(dim=-1).unsqueeze(-2)  # (B, h, 1, d)
    numerator = torch.matmul(value_key, q)
    denominator = torch.matmul(key_sum, q)  # (B, h, 1, N)
    return (numerator / denominator.clamp(min=SMALLEST_DENOMINATOR)).to(dtype)


def relu_quadratic_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eq. 1 with Sim = ReLU(Q) ReLU(K)^T, multiplied in the order that costs O(N^2 d). (B, h, N, d) -> (B, h, N, d).

    The same function as `relu_linear_attention`; cheaper where N is less than d, and its definition for tests.
    """
    dtype = v.dtype
    q, k, v = _widened(F.relu(q), F.relu(k), v)
    k = k * k.shape[-2] ** -0.5
    similarity = torch.matmul(q, k.transpose(-1, -2))  # (B, h, N, N)
    weights = similarity / similarity.sum(dim=-1, keepdim=True).clamp(min=SMALLEST_DENOMINATOR)
    return torch.matmul(weights, v).to(dtype)


def relu_quadratic_attention_of_columns(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`relu_quadratic_attention` with tokens as columns. (B, h, d, N) -> (B, h, d, N).

    Here and below the tokens are transposed, which is little; products of columns would transpose the map of all tokens
    by all, which costs a quarter of the whole in ONNX Runtime and doubles it in LiteRT.
    """
    q, k, v = (tokens.transpose(-1, -2) for tokens in (q, k, v))
    return relu_quadratic_attention(q, k, v).transpose(-1, -2)


def softmax_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eq. 1 with Sim = exp(Q K^T / sqrt(d)), in O(N^2 d). (B, h, N, d) -> (B, h, N, d).

    Through PyTorch's fused operator, so that a runtime that has a fused kernel may use it. ONNX had no such operator
    for long: its exporter writes attention out, and only from opset 14 on, so here it is written out for every opset.
    """
    if torch.onnx.is_in_onnx_export():
        return written_out_softmax_attention(q, k, v)
    # Without the channels of a token side by side in memory, PyTorch takes its plain kernel and says nothing.
    return F.scaled_dot_product_attention(q.contiguous(), k.contiguous(), v.contiguous())


def softmax_attention_of_columns(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`softmax_attention` with tokens as columns. (B, h, d, N) -> (B, h, d, N)."""
    q, k, v = (tokens.transpose(-1, -2) for tokens in (q, k, v))
    return softmax_attention(q, k, v).transpose(-1, -2)


def written_out_softmax_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`softmax_attention` as a product, a softmax and a product, in every file. (B, h, N, d) -> (B, h, N, d)."""
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))  # (B, h, N, N)
    return torch.matmul(torch.softmax(scores, dim=-1), v)


def written_out_softmax_attention_of_columns(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`written_out_softmax_attention` with tokens as columns. (B, h, d, N) -> (B, h, d, N)."""
    q, k, v = (tokens.transpose(-1, -2) for tokens in (q, k, v))
    return written_out_softmax_attention(q, k, v).transpose(-1, -2)
