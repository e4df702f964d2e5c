"""A transformers model behind the interface of every other module here: tensors in, tensors out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

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

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """From a file of the Hugging Face hub: transformers knows what its own earlier versions called the tensors.

        What it does not know stays as it is. A file of ours has the names of this module, below `model.`.
        """
        own = self.state_dict()
        if own.keys() <= state.keys():
            return state
        model_class: Any = type(self.model)
        loaded, found = model_class.from_pretrained(
            None, config=self.model.config, state_dict=dict(state), output_loading_info=True
        )
        missing = set(found["missing_keys"]) - self._may_be_missing()
        absent = {*missing, *(key for key, *_ in found["mismatched_keys"])}
        ours = {f"model.{key}": tensor for key, tensor in loaded.state_dict().items() if key not in absent}
        unknown = {key: state[key] for key in found["unexpected_keys"] if key in state}
        wrong_shapes = {f"model.{key}": torch.empty(shape) for key, shape, *_ in found["mismatched_keys"]}
        return {**ours, **unknown, **wrong_shapes}

    def _may_be_missing(self) -> set[str]:
        """Tensors that parts of the model say no output depends on, such as the last norm of a backbone."""
        keys = self.model.state_dict().keys()
        return {
            key
            for name, part in self.model.named_modules()
            for pattern in getattr(part, "_keys_to_ignore_on_load_missing", None) or ()
            for key in keys
            if key.startswith(name) and re.match(rf"\.?{pattern}", key.removeprefix(name))
        }

    def forward(self, image: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        answer = self.model(pixel_values=image)
        tensors: tuple[torch.Tensor, ...] = tuple(getattr(answer, name) for name in self.outputs)
        return tensors[0] if len(tensors) == 1 else tensors
