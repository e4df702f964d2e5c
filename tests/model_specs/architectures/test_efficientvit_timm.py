"""Our classifiers against timm's, an implementation that is independent of ours: equal weights, equal outputs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from latency_bench.model_specs import load_spec
from latency_bench.model_specs.architectures.efficientvit.layers import ConvNorm
from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision
from latency_bench.model_specs.building import build_module

WITH_PARAMETERS = (nn.Conv2d, nn.BatchNorm2d, nn.LayerNorm, nn.Linear)
SIZE = (96, 128)


def timm_model(name: str) -> nn.Module:
    prepare_torchvision()
    import timm

    model: nn.Module = timm.create_model(name, pretrained=False)
    return model.eval()


def in_order_of_execution(network: nn.Module) -> list[nn.Module]:
    """Every layer with parameters, as they run: an order that does not depend on what anything is called."""
    order: list[nn.Module] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        order.append(module)

    handles = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, WITH_PARAMETERS)]
    with torch.no_grad():
        network(torch.zeros(1, 3, *SIZE))
    for handle in handles:
        handle.remove()
    return order


def kind(layer: nn.Module) -> type[nn.Module]:
    return next(known for known in WITH_PARAMETERS if isinstance(layer, known))


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    ours, theirs = in_order_of_execution(source), in_order_of_execution(target)
    assert list(map(kind, ours)) == list(map(kind, theirs))
    for layer, twin in zip(ours, theirs, strict=True):
        twin.load_state_dict(layer.state_dict(), strict=True)
        if hasattr(layer, "eps"):
            twin.eps = layer.eps  # A number of the configuration, which timm takes from its own.
    assert sum(p.numel() for p in source.parameters()) == sum(p.numel() for p in target.parameters())


def fold_batch_norms(network: nn.Module) -> int:
    """Every batch norm into the convolution before it, as a deployment does. Returns how many."""
    folded = 0
    for layer in network.modules():
        if isinstance(layer, ConvNorm) and hasattr(layer, "norm"):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.norm)
            layer.norm = nn.Identity()  # type: ignore[assignment]
            folded += 1
    return folded


def relative_difference(a: Tensor, b: Tensor) -> float:
    return ((a - b).abs().max() / b.abs().max()).item()


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("b0-cls-r224", "efficientvit_b0"),
        ("l1-cls-r224", "efficientvit_l1"),
        pytest.param("b1-cls-r224", "efficientvit_b1", marks=pytest.mark.slow),
        pytest.param("b2-cls-r224", "efficientvit_b2", marks=pytest.mark.slow),
        pytest.param("b3-cls-r224", "efficientvit_b3", marks=pytest.mark.slow),
        pytest.param("l2-cls-r224", "efficientvit_l2", marks=pytest.mark.slow),
    ],
)
def test_equal_weights_give_equal_outputs_batch_norm_folded_or_not(model_id: str, name: str) -> None:
    ours, theirs = build_module(load_spec(model_id)), timm_model(name)
    copy_weights(ours, theirs)
    image = torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs(image)
        assert relative_difference(ours(image), expected) < 1e-4
        assert fold_batch_norms(ours) > 20
        assert not any(isinstance(module, nn.BatchNorm2d) for module in ours.modules())
        assert relative_difference(ours(image), expected) < 1e-4


@pytest.mark.parametrize(
    ("model_id", "eps"),
    [("b0-cls-r224", 1e-5), ("l1-cls-r224", 1e-7), ("b0-seg", 1e-5), ("l1-seg", 1e-7), ("sam-l0", 1e-6)],
)
def test_every_norm_has_the_epsilon_of_the_authors_factories(model_id: str, eps: float) -> None:
    with torch.device("meta"):
        network = build_module(load_spec(model_id))
    assert {module.eps for module in network.modules() if hasattr(module, "eps")} == {eps}
