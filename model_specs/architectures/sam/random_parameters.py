"""Random parameters for trunks that come from a library: see `initialise` for what they have to do."""

from __future__ import annotations

import math

from torch import nn

from latency_bench.model_specs.architectures.efficientvit.initialisation import RESIDUAL_GAIN, initialise

# GELU keeps 0.425 of the mean square of standard normal values; a norm in front of it makes up for that.
GELU_GAIN = 1.0 / math.sqrt(0.425)
# Offsets are kept small: through many layers they would add up to an output that hardly depends on the image.
OFFSET_SCALE = 0.1


def draw_parameters(trunk: nn.Module, residual_norms: tuple[str, ...]) -> None:
    """Draw all parameters in place; `residual_norms` are endings of names of batch norms that close a residual branch.

    Libraries start such norms, and position biases, at zero: the branch would do nothing, and a converter that gets it
    wrong would go unnoticed.
    """
    initialise(trunk)
    for name, module in trunk.named_modules():
        if not isinstance(module, nn.BatchNorm2d):
            continue
        assert module.running_mean is not None
        module.weight.data.mul_(RESIDUAL_GAIN if name.endswith(residual_norms) else GELU_GAIN)
        module.bias.data.mul_(OFFSET_SCALE)
        module.running_mean.mul_(OFFSET_SCALE)
    for name, parameter in trunk.named_parameters():
        if name.endswith("attention_biases"):
            nn.init.trunc_normal_(parameter, std=0.02)
