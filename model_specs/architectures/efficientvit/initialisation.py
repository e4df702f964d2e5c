"""Random parameters under which activations behave as in a trained network: neither dying nor outgrowing float16.

What is measured does not depend on the values of the weights, but what is checked does: a model whose activations
overflow or vanish says nothing about a deployment's precision, and batch norms that do nothing would hide a converter
that folds them wrongly. So batch norms get statistics and an affine part of their own, and every residual branch is
scaled down such that a chain of forty keeps the order of magnitude.
"""

from __future__ import annotations

import math
from typing import TypeVar

from torch import nn

from latency_bench.model_specs.architectures.efficientvit.layers import ConvNorm, LayerNorm2d, Residual

Network = TypeVar("Network", bound=nn.Module)

# Half the variance is lost at an activation (He et al., 2015: sqrt(2) for ReLU); nothing after a linear convolution.
GAIN_BEFORE_ACTIVATION = math.sqrt(2.0)
# With 1 + 0.25^2 a block, forty blocks multiply the variance by 11.
RESIDUAL_GAIN = 0.25


def initialise(network: Network) -> Network:
    """Draw every parameter and batch norm statistic from PyTorch's default generator, in place; returns `network`."""
    followed_by_activation = {
        id(layer.conv) for layer in network.modules() if isinstance(layer, ConvNorm) and hasattr(layer, "activation")
    }
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            gain = GAIN_BEFORE_ACTIVATION if id(module) in followed_by_activation else 1.0
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, std=gain / math.sqrt(fan_in))
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.8, 1.2)
        elif isinstance(module, (nn.LayerNorm, LayerNorm2d)):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, std=0.1)
    for module in network.modules():
        if isinstance(module, Residual):
            _last_norm(module.branch).weight.data.mul_(RESIDUAL_GAIN)
    return network


def _last_norm(branch: nn.Module) -> nn.BatchNorm2d:
    return [module for module in branch.modules() if isinstance(module, nn.BatchNorm2d)][-1]
