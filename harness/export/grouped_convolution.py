"""Grouped convolutions in float64 on a CPU, which PyTorch computes one group after the other: many minutes for a
network of depthwise convolutions on large images. Here they are sums and products of whole tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class QuickGroupedConvolutions(TorchFunctionMode):
    """While it is entered, depthwise convolutions and pointwise grouped ones of float64 tensors are computed by the
    functions below; everything else is PyTorch's."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.conv2d:
            computed = _convolved(*args, **kwargs)
            if computed is not None:
                return computed
        return func(*args, **kwargs)


def _convolved(
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> torch.Tensor | None:
    """None where it is not one of those that are computed here."""
    if groups == 1 or input.dtype != torch.float64 or input.dim() != 4 or isinstance(padding, str):
        return None
    if weight.shape[1] == 1:
        out = depthwise(input, weight, _both(stride), _both(padding), _both(dilation))
    elif weight.shape[2:] == (1, 1) and (_both(stride), _both(padding)) == ((1, 1), (0, 0)):
        out = pointwise(input, weight, groups)
    else:
        return None
    return out if bias is None else out + bias.view(1, -1, 1, 1)


def depthwise(
    input: torch.Tensor,
    weight: torch.Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> torch.Tensor:
    """(N, C, H, W) with weights (C * m, 1, h, w): the sum over the kernel's positions of the image, shifted, times the
    weight there."""
    multiplier = weight.shape[0] // input.shape[1]
    image = torch.nn.functional.pad(input, (padding[1], padding[1], padding[0], padding[0]))
    if multiplier > 1:
        image = image.repeat_interleave(multiplier, 1)
    kernel = (weight.shape[2], weight.shape[3])
    spans = [
        (image.shape[2 + axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] * stride[axis] + 1
        for axis in range(2)
    ]
    out: torch.Tensor | None = None
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            top, left = row * dilation[0], column * dilation[1]
            shifted = image[:, :, top : top + spans[0] : stride[0], left : left + spans[1] : stride[1]]
            scale = weight[:, 0, row, column].view(1, -1, 1, 1)
            out = shifted * scale if out is None else out.addcmul_(shifted, scale)
    assert out is not None
    return out


def pointwise(input: torch.Tensor, weight: torch.Tensor, groups: int) -> torch.Tensor:
    """(N, C, H, W) with weights (O, C / groups, 1, 1): one matrix product for each group."""
    batch, channels, height, width = input.shape
    tokens = input.reshape(batch, groups, channels // groups, height * width)
    products = weight.reshape(groups, -1, channels // groups) @ tokens
    return products.reshape(batch, -1, height, width)


def _both(value: int | Sequence[int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    both = tuple(value)
    return (both[0], both[-1])
