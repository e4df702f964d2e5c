"""Attentions as models: every form is its definition, whatever the layout, and costs the MACs that it should."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from latency_bench.model_specs import load_spec
from latency_bench.model_specs.architectures.attention.modules import build
from latency_bench.model_specs.architectures.attention.subject import Form
from latency_bench.model_specs.architectures.efficientvit.attention import HeadAttention, MultiScaleLinearAttention
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.counting import count

FORMS = get_args(Form)


def draw(*shape: int, spread: float = 1.0) -> Tensor:
    return spread * torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def by_definition(qkv: Tensor, head_dim: int, form: str) -> Tensor:
    """Eq. 1 of the paper in float64, head by head: (B, heads*3d, H, W) -> (B, heads*d, H, W)."""
    batch, _, height, width = qkv.shape
    outputs = []
    for head in qkv.double().split(3 * head_dim, dim=1):
        q, k, v = (part.flatten(2).mT for part in head.split(head_dim, dim=1))
        if form.startswith("relu"):
            similarity = q.clamp(min=0) @ k.clamp(min=0).mT
        else:
            similarity = torch.exp(q @ k.mT / head_dim**0.5)
        total = similarity.sum(dim=-1, keepdim=True)
        weights = torch.where(total > 0, similarity / total, 0.0)
        outputs.append((weights @ v).mT.reshape(batch, head_dim, height, width))
    return torch.cat(outputs, dim=1)


@pytest.mark.parametrize("tokens", ["columns", "rows"])
@pytest.mark.parametrize("form", FORMS)
def test_the_core_is_its_definition(form: Form, tokens: str) -> None:
    core = build(form, "core", 3, 8, 60, (6, 10), tokens=tokens).double()  # type: ignore[arg-type]
    qkv = draw(2, 3 * 3 * 8, 6, 10)
    torch.testing.assert_close(core(qkv), by_definition(qkv, 8, form))


@pytest.mark.parametrize("form", FORMS)
def test_in_single_precision_every_form_is_near_its_definition(form: Form) -> None:
    core = build(form, "core", 2, 16, 1024, (32, 32))
    qkv = draw(1, 2 * 3 * 16, 32, 32)
    error = (core(qkv.float()).double() - by_definition(qkv, 16, form)).abs().max()
    assert error < 2e-6


def test_multi_scale_adds_as_many_heads_that_attend_aggregated_tokens() -> None:
    core = build("softmax", "core", 2, 8, 64, (8, 8), multi_scale=True).double()
    qkv = draw(1, 2 * 3 * 8, 8, 8)
    aggregated = core.scales[0](qkv)  # type: ignore[index, operator]
    expected = torch.cat([by_definition(qkv, 8, "softmax"), by_definition(aggregated, 8, "softmax")], dim=1)
    torch.testing.assert_close(core(qkv), expected)


@pytest.mark.parametrize("scope", ["module", "block"])
def test_around_each_form_everything_else_is_alike(scope: str) -> None:
    """The forms of one function give the same module's output, and two functions do not."""
    x = draw(1, 32, 8, 8).float()
    outputs = {form: build_module(load_spec(f"attn-{form}-ms-{scope}-h2-d16-n64"))(x) for form in FORMS}
    torch.testing.assert_close(outputs["relu-linear"], outputs["relu-quadratic"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(outputs["softmax"], outputs["sdpa"], atol=1e-5, rtol=1e-4)
    assert (outputs["softmax"] - outputs["relu-linear"]).abs().max() > 1e-3


def test_the_module_is_the_models_own_attention_with_its_residual() -> None:
    spec = load_spec("attn-relu-linear-ms-module-h2-d16-n64")
    module, x = build_module(spec), draw(1, 32, 8, 8).float()
    (inner,) = (one for one in module.modules() if isinstance(one, MultiScaleLinearAttention))
    torch.testing.assert_close(module(x), x + inner(x))


def test_repeated_modules_are_independent_and_follow_each_other() -> None:
    module = build_module(load_spec("attn-softmax-module-h2-d16-n64-x3"))
    x = y = draw(1, 32, 8, 8).float()
    assert len(module) == 3  # type: ignore[arg-type]
    for one in module:  # type: ignore[attr-defined]
        y = one(y)
    torch.testing.assert_close(module(x), y)
    with pytest.raises(ValueError, match="repeated"):
        build("softmax", "core", 2, 16, 64, (8, 8), repeats=2)


@pytest.mark.parametrize(
    ("model", "macs"),
    [
        ("attn-relu-linear-h8-d16-n1024", 8 * 1024 * (2 * 16 * 16 + 16)),
        ("attn-relu-quadratic-h8-d16-n1024", 8 * 2 * 1024 * 1024 * 16),
        ("attn-softmax-h8-d16-n1024", 8 * 2 * 1024 * 1024 * 16),
        ("attn-sdpa-h8-d16-n1024", 8 * 2 * 1024 * 1024 * 16),
        ("attn-softmax-module-h8-d16-n1024", 8 * 2 * 1024 * 1024 * 16 + 4 * 1024 * 128 * 128),
        ("attn-softmax-module-h8-d16-n1024-x2", 2 * (8 * 2 * 1024 * 1024 * 16 + 4 * 1024 * 128 * 128)),
    ],
)
def test_macs(model: str, macs: int) -> None:
    assert count(load_spec(model)).macs == macs


@pytest.mark.parametrize("tokens", ["columns", "rows"])
def test_fused_attention_gets_tokens_as_its_fast_kernel_wants_them(tokens: str) -> None:
    """With nothing but the flash kernel to choose from, PyTorch refuses tokens whose channels do not lie side by side;
    with all kernels to choose from it would take the slow one and say nothing."""
    attention = HeadAttention(16, similarity="softmax", tokens=tokens)  # type: ignore[arg-type]
    qkv = draw(1, 96, 8, 8).float()
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        forced = attention(qkv)
    torch.testing.assert_close(forced.double(), by_definition(qkv, 16, "sdpa"), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("tokens", ["columns", "rows"])
@pytest.mark.parametrize("height_width", [(64, 128), (128, 128)], ids=["8192", "16384"])
def test_the_linear_form_that_models_use_is_safe_in_half_precision(height_width: tuple[int, int], tokens: str) -> None:
    """K^T V and the denominator of so many tokens pass 65504 when summed plainly, a zero query divides 0 by 0."""
    attention = MultiScaleLinearAttention(32, 32, tokens=tokens).attend  # type: ignore[arg-type]
    qkv = draw(1, 96, *height_width)
    qkv[:, 32:] = 4 * qkv[:, 32:].abs()  # keys and values of one sign: nothing cancels in K^T V
    qkv = qkv.half()
    qkv[:, :32, 0, :5] = -1  # no similarity to anything
    k, v = (part.double().flatten(2) for part in (qkv[:, 32:64], qkv[:, 64:]))
    assert (v @ k.mT).max() > torch.finfo(torch.float16).max, "the case is one that float16 cannot sum plainly"

    attended = attention(qkv)

    assert attended.dtype == torch.float16
    assert attended.isfinite().all()
    assert (attended[:, :, 0, :5] == 0).all()
    assert (attended.double() - by_definition_of_linear(qkv, 32)).abs().max() < 0.02


def by_definition_of_linear(qkv: Tensor, head_dim: int) -> Tensor:
    """Eq. 3 in float64: the map of all tokens by all tokens would be gigabytes here."""
    q, k, v = (part.double().flatten(2) for part in qkv.split(head_dim, dim=1))
    q, k = q.clamp(min=0), k.clamp(min=0)
    total = k.sum(dim=-1, keepdim=True).mT @ q
    attended = torch.where(total > 0, (v @ k.mT) @ q / total, 0.0)
    return attended.reshape(1, head_dim, *qkv.shape[-2:])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("similarity", ["relu", "relu-quadratic"])
@pytest.mark.parametrize("tokens", ["columns", "rows"])
def test_relu_attention_is_finite_for_every_finite_query_key_and_value(
    dtype: torch.dtype, similarity: str, tokens: str
) -> None:
    """The largest number that the type has, everywhere, and all mixtures of it with zero, small and negative values."""
    attention = HeadAttention(16, similarity=similarity, tokens=tokens)  # type: ignore[arg-type]
    # In float32 the products of bfloat16's largest numbers are infinite; half of the exponent is more than any network.
    largest = torch.finfo(torch.float16).max if dtype == torch.float16 else 1e12
    random = torch.Generator().manual_seed(0)
    choices = torch.tensor([largest, -largest, 0.0, 1.0, 2.0**-14])
    for kinds in (1, 2, 5):
        qkv = choices[torch.randint(kinds, (1, 48, 16, 16), generator=random)].to(dtype)
        attended = attention(qkv)
        assert attended.dtype == dtype
        assert attended.isfinite().all()
        assert attended.abs().max() <= qkv[:, 32:].abs().max()


def test_doubled_queries_and_keys_change_nothing_in_half_precision() -> None:
    """In exact arithmetic a factor of Q and of K cancels; it must not push a sum over the edge either."""
    attention = HeadAttention(16)
    qkv = draw(1, 48, 64, 64).half()
    factors = torch.ones(1, 48, 1, 1, dtype=torch.float16)
    factors[:, :32] = 64
    torch.testing.assert_close(attention(qkv * factors), attention(qkv), rtol=2e-3, atol=2e-3)
