"""A transformers model behind the interface of every other module here: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class HuggingFaceLogits(nn.Module):
    """Call a transformers model with pixel values alone and return the named fields of its answer.

    `outputs` names one field (a tensor comes back) or several (a tuple in that order); the shapes are the model's own.
    """

    def __init__(self, model: nn.Module, outputs: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.outputs = tuple(outputs)

    def forward(self, image: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        answer = self.model(pixel_values=image)
        tensors: tuple[torch.Tensor, ...] = tuple(getattr(answer, name) for name in self.outputs)
        return tensors[0] if len(tensors) == 1 else tensors
