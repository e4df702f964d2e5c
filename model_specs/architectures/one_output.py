"""A network that answers with a mapping (transformers', torchvision's for segmentation) returns one tensor."""

from __future__ import annotations

import torch
from torch import nn


def with_one_output(model: nn.Module, output: str, input_name: str | None = None) -> nn.Module:
    """The same object, whose forward returns `output` of the mapping; names of its parameters stay as they are.

    `input_name` is the keyword that the forward takes its one input by; None: it takes it positionally.
    """
    own = type(model)

    def forward(self: nn.Module, value: torch.Tensor) -> torch.Tensor:
        answer = own.forward(self, value) if input_name is None else own.forward(self, **{input_name: value})
        tensor: torch.Tensor = answer[output]
        return tensor

    model.__class__ = type(own.__name__, (own,), {"forward": forward, "__module__": own.__module__})
    return model
