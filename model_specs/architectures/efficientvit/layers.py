"""The layers that everything else is made of."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Activation = Literal["hard_swish", "gelu"]
Upsample = Literal["bicubic", "bilinear"]


def make_activation(name: Activation) -> nn.Module:
    """Hard-swish in the B series, GELU in its tanh form in the L series."""
    if name == "hard_swish":
        return nn.Hardswish()
    if name == "gelu":
        return nn.GELU(approximate="tanh")
    raise ValueError(f"there is no activation called {name!r}; write hard_swish or gelu")


class ConvNorm(nn.Sequential):
    """A convolution that keeps the size (at stride 1), a batch norm and an activation. (B, C, H, W) -> (B, C', H', W').

    With `norm=False` the convolution has a bias in the place of the norm. `activation=None` leaves it linear.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        groups: int = 1,
        norm: bool = True,
        norm_eps: float = 1e-5,
        activation: Activation | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=not norm,
        )
        if norm:
            self.norm = nn.BatchNorm2d(out_channels, eps=norm_eps)
        if activation is not None:
            self.activation = make_activation(activation)


class Residual(nn.Module):
    """x + branch(x)."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.branch(x)
        return out


class LayerNorm2d(nn.Module):
    """Layer norm over the channels of a feature map. (B, C, H, W) -> (B, C, H, W).

    In float16 the squares overflow from 256 on: a deployment in half precision has to keep this layer in single.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=1, keepdim=True)
        variance = centred.square().mean(dim=1, keepdim=True)
        normalised = centred / torch.sqrt(variance + self.eps)
        return normalised * self.weight[:, None, None] + self.bias[:, None, None]


class Resize(nn.Module):
    """Upsampling by a whole factor, or to a fixed (height, width). (B, C, H, W) -> (B, C, H', W').

    The authors resize bicubically. TFLite has no such operator; their exporter and ours put bilinear in its place
    there.
    """

    def __init__(self, *, factor: int | None = None, size: tuple[int, int] | None = None, mode: Upsample) -> None:
        super().__init__()
        if mode not in ("bicubic", "bilinear"):
            raise ValueError(f"there is no upsampling called {mode!r}; write bicubic or bilinear")
        self.factor = factor
        self.size = size
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        if self.factor == 1 or tuple(x.shape[-2:]) == self.size:
            return x
        return F.interpolate(x, size=self.size, scale_factor=self.factor, mode=self.mode, align_corners=False)

    def extra_repr(self) -> str:
        return f"factor={self.factor}, size={self.size}, mode={self.mode!r}"
