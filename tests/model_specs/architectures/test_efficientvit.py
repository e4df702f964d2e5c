"""The EfficientViT networks: shapes as specified, forms that must agree, activations that float16 can hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from breadth import one_of_each_kind
from torch import Tensor, nn

from latency_bench.model_specs import ModelSpec, list_specs, load_spec
from latency_bench.model_specs.architectures.efficientvit.attention import MultiScaleLinearAttention
from latency_bench.model_specs.architectures.efficientvit.layers import LayerNorm2d, Resize, Upsample
from latency_bench.model_specs.building import build_module

OURS = [spec for spec in list_specs() if spec.builder.startswith("efficientvit.")]
# Of 65504; leaves room for inputs and trained weights that are wilder than ours.
LARGEST_ACTIVATION = 500.0


def one_spec_a_network() -> list[ModelSpec]:
    """The specs without those that differ from another in resolution only."""
    networks = {(spec.builder, repr(sorted(spec.arguments.items()))): spec for spec in reversed(OURS)}
    return list(reversed(networks.values()))


NETWORKS = one_spec_a_network()


def kind(spec: ModelSpec) -> tuple[str, str]:
    return spec.builder, spec.id[0]


def small(spec: ModelSpec) -> ModelSpec:
    """At the smallest size at which every stage still has several positions."""
    return spec.at({"super-resolution": (16, 24), "segment-anything": (128, 128)}.get(spec.task, (64, 96)))


def image(spec: ModelSpec, seed: int = 0) -> Tensor:
    return torch.randn(1, *spec.inputs[0].shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("spec", one_of_each_kind(NETWORKS, kind))
def test_the_output_has_the_shape_that_the_spec_gives(spec: ModelSpec) -> None:
    with torch.device("meta"):
        output = build_module(spec)(torch.empty(2, *spec.inputs[0].shape))
    (declared,) = spec.outputs
    height, width = spec.resolution
    size = () if declared.stride is None else (int(height / declared.stride), int(width / declared.stride))
    assert output.shape == (2, declared.channels, *size)


@pytest.mark.parametrize(
    "spec", one_of_each_kind([spec for spec in NETWORKS if not spec.id.endswith("-softmax")], kind)
)
def test_random_weights_keep_activations_alive_and_within_float16(spec: ModelSpec) -> None:
    spec = small(spec)
    network = build_module(spec)
    largest: dict[str, float] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            tensors = output if isinstance(output, tuple) else (output,)
            largest[name] = max(tensor.abs().max().item() for tensor in tensors)

        return hook

    for name, module in network.named_modules():
        module.register_forward_hook(watch(name))
    with torch.no_grad():
        output = network(image(spec))
    too_large = {name: value for name, value in largest.items() if not value < LARGEST_ACTIVATION}
    dead = {name: value for name, value in largest.items() if value < 1e-3}
    assert not too_large
    assert not dead
    assert 0.1 < output.std() < 10


@pytest.mark.parametrize(
    "model_id",
    [
        *("b1-seg", "b1-seg-softmax", "b0-seg-single-scale"),
        *(pytest.param(large, marks=pytest.mark.slow) for large in ("l1-seg", "sam-l0")),
    ],
)
def test_tokens_as_rows_and_as_columns_compute_the_same(model_id: str) -> None:
    spec = small(load_spec(model_id))
    rows, columns = (
        build_module(spec, overrides={"tokens": "rows"}),
        build_module(spec, overrides={"tokens": "columns"}),
    )
    with torch.no_grad():
        torch.testing.assert_close(rows(image(spec)), columns(image(spec)), rtol=1e-4, atol=1e-4)


def attention_by_hand(module: MultiScaleLinearAttention, x: Tensor, similarity: str) -> Tensor:
    """The right half of Figure 2, one head of one scale after the other."""
    qkv = module.qkv(x)
    multi_scale = [qkv, *(scale(qkv) for scale in module.scales)]
    outputs = []
    for tokens in multi_scale:
        for head in tokens.split(3 * module.head_dim, dim=1):
            q, k, v = (part.flatten(2).mT for part in head.split(module.head_dim, dim=1))
            if similarity == "relu":
                weights = q.relu() @ k.relu().mT
                weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)
            else:
                weights = torch.softmax(q @ k.mT / module.head_dim**0.5, dim=-1)
            outputs.append((weights @ v).mT.unflatten(2, x.shape[-2:]))
    projected: Tensor = module.project(torch.cat(outputs, dim=1))
    return projected


@pytest.mark.parametrize("tokens", ["rows", "columns"])
@pytest.mark.parametrize("similarity", ["relu", "softmax"])
@pytest.mark.parametrize("scales", [(), (5,), (3, 5)])
def test_the_attention_module_is_figure_2(similarity: str, tokens: str, scales: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = MultiScaleLinearAttention(32, 8, scales=scales, similarity=similarity, tokens=tokens).eval()  # type: ignore[arg-type]
    x = torch.randn(2, 32, 6, 10)
    with torch.no_grad():
        torch.testing.assert_close(module(x), attention_by_hand(module, x, similarity), rtol=1e-4, atol=1e-5)


def test_softmax_twins_share_every_weight_and_compute_something_else() -> None:
    relu, softmax = small(load_spec("b0-seg")), small(load_spec("b0-seg-softmax"))
    twin = build_module(softmax)
    twin.load_state_dict(build_module(relu).state_dict(), strict=True)
    with torch.no_grad():
        assert not torch.allclose(twin(image(relu)), build_module(relu)(image(relu)), atol=1e-3)


def test_without_multi_scale_there_is_no_aggregation_left() -> None:
    keys = build_module(load_spec("b0-seg-single-scale")).state_dict().keys()
    assert not any(".scales." in key for key in keys)
    assert any(".scales." in key for key in build_module(load_spec("b0-seg")).state_dict())


def test_upsampling_can_be_bilinear_with_the_same_weights() -> None:
    spec = small(load_spec("b0-seg"))
    bicubic, bilinear = build_module(spec), build_module(spec, overrides={"upsample": "bilinear"})
    bilinear.load_state_dict(bicubic.state_dict(), strict=True)
    modes = {module.mode for module in bilinear.modules() if isinstance(module, Resize)}
    assert modes == {"bilinear"}
    with torch.no_grad():
        difference = (bicubic(image(spec)) - bilinear(image(spec))).abs().max()
    assert 0 < difference < 2


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_upsampling_reads_pixels_at_their_centres(mode: Upsample) -> None:
    """Output pixel i of a x4 enlargement lies at (i + 0.5) / 4 - 0.5 of the input; on a ramp that is its value.

    Bicubically only nearly so (PyTorch's kernel has a = -0.75, and a = -0.5 alone keeps ramps), but aligned corners
    would be off by up to 0.23 here.
    """
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    enlarged = Resize(factor=4, mode=mode)(ramp)
    assert enlarged.shape == (1, 1, 64, 64)
    expected = (torch.arange(64.0) + 0.5) / 4 - 0.5
    assert (enlarged[0, 0, 20, 12:52] - expected[12:52]).abs().max() < (0.1 if mode == "bicubic" else 1e-5)
    assert torch.equal(Resize(size=(16, 16), mode=mode)(ramp), ramp)
    torch.testing.assert_close(Resize(size=(64, 64), mode=mode)(ramp), enlarged)


@pytest.mark.parametrize("model_id", ["b0-seg", "l1-cls-r224", "sr-w0.75-ffhq"])
def test_half_precision_on_the_cpu_is_close_to_single(model_id: str) -> None:
    spec = small(load_spec(model_id))
    network, x = build_module(spec), image(spec)
    with torch.no_grad():
        single = network(x)
        half = network.half()(x.half()).float()
    assert half.isfinite().all()
    assert (half - single).norm() < 0.02 * single.norm()


def test_layer_norm_over_channels_is_pytorch_s_channel_last() -> None:
    torch.manual_seed(0)
    norm = LayerNorm2d(16, eps=1e-6)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    x = torch.randn(2, 16, 3, 5)
    expected = nn.functional.layer_norm(x.permute(0, 2, 3, 1), (16,), norm.weight, norm.bias, 1e-6).permute(0, 3, 1, 2)
    torch.testing.assert_close(norm(x), expected)
