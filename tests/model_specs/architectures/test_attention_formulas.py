"""The formulas of attention against their definitions, and in half precision."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latency_bench.model_specs.architectures.efficientvit.attention import Formula
from latency_bench.model_specs.architectures.efficientvit.attention_formulas import (
    relu_linear_attention,
    relu_linear_attention_of_columns,
    relu_quadratic_attention,
    softmax_attention,
    softmax_attention_of_columns,
)

Tokens = tuple[Tensor, Tensor, Tensor]


def draw(tokens: int, channels: int, heads: int = 2, batch: int = 2, seed: int = 0) -> Tokens:
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (torch.randn(batch, heads, tokens, channels, generator=generator, dtype=torch.float64) for _ in range(3))
    return q, k, v


def by_definition(similarity: Tensor, v: Tensor) -> Tensor:
    """Eq. 1 of the paper, row by row; a row without any similarity gives 0."""
    total = similarity.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, similarity / total, torch.zeros_like(similarity)) @ v


def relu_definition(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return by_definition(q.clamp(min=0) @ k.clamp(min=0).mT, v)


def columns(tokens: Tokens) -> Tokens:
    q, k, v = (t.mT.contiguous() for t in tokens)
    return q, k, v


@pytest.mark.parametrize(("tokens", "channels"), [(1, 4), (7, 16), (300, 32)])
def test_relu_attention_in_every_form_is_its_definition(tokens: int, channels: int) -> None:
    qkv = draw(tokens, channels)
    expected = relu_definition(*qkv)
    torch.testing.assert_close(relu_definition_of_sums(*qkv), expected)
    torch.testing.assert_close(relu_linear_attention(*qkv), expected)
    torch.testing.assert_close(relu_quadratic_attention(*qkv), expected)
    torch.testing.assert_close(relu_linear_attention_of_columns(*columns(qkv)).mT, expected)


def test_softmax_attention_in_both_forms_is_its_definition() -> None:
    q, k, v = qkv = draw(50, 16)
    expected = by_definition(torch.exp(q @ k.mT / math.sqrt(16)), v)
    torch.testing.assert_close(softmax_attention(*qkv), expected)
    torch.testing.assert_close(softmax_attention_of_columns(*columns(qkv)).mT, expected)


def test_linear_attention_never_makes_a_matrix_of_tokens_by_tokens() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    def macs(tokens: int) -> int:
        qkv = (torch.empty(1, 1, tokens, 16, device="meta") for _ in range(3))
        with FlopCounterMode(display=False) as counter:
            relu_linear_attention(*qkv)
        return int(counter.get_total_flops()) // 2

    assert macs(4096) == 4 * macs(1024), "cost in proportion to the tokens"
    assert macs(1024) == 1024 * (16 * 16 * 2 + 16)


@pytest.mark.parametrize("spread", [1.0, 8.0], ids=["unit", "wide"])
@pytest.mark.parametrize("form", ["rows", "columns"])
def test_half_precision_at_the_paper_s_resolution_stays_finite_and_close(form: str, spread: float) -> None:
    """8192 tokens of 32 channels: summed plainly, the denominator of standard normal tokens passes 65504."""
    q, k, v = ((spread * tokens).half() for tokens in draw(8192, 32, heads=1, batch=1))
    q[..., :5, :] = -1  # No similarity to anything: numerator and denominator are 0.
    q[..., 5:10, :] = 0
    expected = relu_definition_of_sums(*(tokens.double() for tokens in (q, k, v)))
    plain = q.float().clamp(min=0) @ k.float().clamp(min=0).sum(dim=-2, keepdim=True).mT
    assert plain.max() > torch.finfo(torch.float16).max, "the case is one that float16 cannot sum plainly"

    if form == "rows":
        attended = relu_linear_attention(q, k, v)
    else:
        attended = relu_linear_attention_of_columns(*columns((q, k, v))).mT

    assert attended.dtype == torch.float16
    assert attended.isfinite().all()
    assert (attended[..., :10, :] == 0).all()
    assert (attended.double() - expected).abs().max() < 2e-3 * spread


def test_tiny_tokens_in_half_precision_do_not_vanish() -> None:
    """Keys of about 1e-3 times 8192^-1/2 are 1e-5, below the normal numbers of float16: they must still count."""
    q, k, v = draw(8192, 32, heads=1, batch=1)
    k = 1e-3 * k
    halves = q.half(), k.half(), v.half()
    attended = relu_linear_attention(*halves).double()
    expected = relu_definition_of_sums(*(tokens.double() for tokens in halves))
    assert (attended - expected).abs().max() < 0.02


def test_tokens_without_similarity_give_zero_in_single_precision_too() -> None:
    q, k, v = (tokens.float() for tokens in draw(20, 8))
    assert (relu_linear_attention(-q.abs(), k, v) == 0).all()
    assert (relu_linear_attention(q, -k.abs(), v) == 0).all()


@pytest.mark.parametrize(
    ("form", "tokens"), [("rows", 1), ("rows", 32768), ("columns", 1), ("columns", 32768), ("quadratic", 512)]
)
@pytest.mark.parametrize(("dtype", "largest"), [(torch.float16, 65504.0), (torch.bfloat16, 2.0**36)])
def test_no_value_of_half_precision_overflows(form: str, dtype: torch.dtype, largest: float, tokens: int) -> None:
    """Numerators reach d * sqrt(N) * largest^3. With d = 32 and N = 32768 that is 2e18 for the largest float16, 65504,
    and 2e36 for values of bfloat16 up to 2^36: below float32's 3.4e38. The mean of V lies within V."""
    attend = {
        "rows": relu_linear_attention,
        "columns": lambda *qkv: relu_linear_attention_of_columns(*columns(qkv)).mT,
        "quadratic": relu_quadratic_attention,
    }[form]
    extreme = torch.full((1, 1, tokens, 32), largest, dtype=dtype)
    signs = torch.where(torch.rand(extreme.shape, generator=torch.Generator().manual_seed(1)) < 0.5, -1.0, 1.0)
    for q, k, v in ((extreme, extreme, extreme), (extreme, extreme * signs, -extreme), (extreme, extreme, extreme * 0)):
        computed = attend(q, k, v.to(dtype))
        assert computed.dtype == dtype
        assert computed.isfinite().all()
        expected = relu_definition_of_sums(q.double(), k.double(), v.double())
        torch.testing.assert_close(computed.double(), expected, rtol=1e-2, atol=1e-2)


def relu_definition_of_sums(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eq. 3 in float64, without a map of all tokens by all."""
    q, k = q.clamp(min=0), k.clamp(min=0)
    total = q @ k.sum(dim=-2).unsqueeze(-1)
    return torch.where(total > 0, q @ (k.mT @ v) / total.clamp(min=1e-300), torch.zeros_like(q))


@pytest.mark.parametrize("form", [relu_linear_attention, relu_linear_attention_of_columns, relu_quadratic_attention])
def test_float32_products_cost_a_float32_graph_nothing(form: Formula) -> None:
    """The safe form is a conversion in half precision and no operator at all in float32, so that files and programs of
    float32 are those that they were."""
    from torch.fx.experimental.proxy_tensor import make_fx

    def conversions(dtype: torch.dtype) -> int:
        tokens = tuple(torch.ones(1, 1, 8, 8, dtype=dtype) for _ in range(3))
        return sum("_to_copy" in str(node.target) for node in make_fx(form)(*tokens).graph.nodes)

    assert conversions(torch.float32) == conversions(torch.float64) == 0
    assert conversions(torch.float16) == conversions(torch.bfloat16) == 4
