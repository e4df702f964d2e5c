"""Grouped convolutions in float64 are those of PyTorch."""

from __future__ import annotations

import pytest
import torch

from latency_bench.harness.export import grouped_convolution
from latency_bench.harness.export.grouped_convolution import QuickGroupedConvolutions

SIZES = [
    {},
    {"padding": 1},
    {"padding": (2, 1), "stride": (2, 3)},
    {"padding": 4, "dilation": (2, 3)},
    {"stride": 2, "dilation": 2, "bias": False},
]


def both(layer: torch.nn.Module, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What PyTorch computes, and what is computed here."""
    with torch.no_grad():
        expected = layer(image)
        with QuickGroupedConvolutions():
            return expected, layer(image)


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("kernel", [1, 3, (1, 5), 7])
@pytest.mark.parametrize("options", SIZES, ids=str)
def test_depthwise(options, kernel, multiplier):
    layer = torch.nn.Conv2d(4, 4 * multiplier, kernel, groups=4, **options).double()
    expected, computed = both(layer, torch.randn(2, 4, 19, 26, dtype=torch.float64))
    torch.testing.assert_close(computed, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("channels", "out", "groups"), [(12, 12, 3), (12, 6, 3), (4, 8, 2)])
def test_pointwise(channels, out, groups, bias):
    layer = torch.nn.Conv2d(channels, out, 1, groups=groups, bias=bias).double()
    expected, computed = both(layer, torch.randn(3, channels, 5, 7, dtype=torch.float64))
    torch.testing.assert_close(computed, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "kernel", "groups"), [("depthwise", 3, 6), ("pointwise", 1, 2)])
def test_they_are_not_left_to_pytorch(monkeypatch, name, kernel, groups):
    def called(*_):
        raise LookupError(name)

    monkeypatch.setattr(grouped_convolution, name, called)
    layer = torch.nn.Conv2d(6, 6, kernel, groups=groups).double()
    with pytest.raises(LookupError, match=name):
        both(layer, torch.randn(1, 6, 9, 9, dtype=torch.float64))


@pytest.mark.parametrize(
    "layer",
    [
        torch.nn.Conv2d(6, 6, 3, groups=6),
        torch.nn.Conv2d(6, 4, 3, groups=2).double(),
        torch.nn.Conv2d(6, 6, 1, groups=2, stride=2).double(),
        torch.nn.Conv2d(6, 6, 3, groups=6, padding="same").double(),
        torch.nn.Conv2d(6, 4, 3).double(),
    ],
    ids=["fp32", "few channels a group", "strided pointwise", "padding by name", "one group"],
)
def test_all_others_are_left_to_pytorch(layer):
    image = torch.randn(1, 6, 9, 9, dtype=layer.weight.dtype)
    expected, computed = both(layer, image)
    assert torch.equal(computed, expected)
