"""Photographs that are fed as pixels or half-precision values: the artifact itself makes the module's float32 of them.

Pixels are what a decoder gives: 0 to 255, the three channels of a position side by side. A quarter of the bytes is
carried, and normalisation and the change of layout are part of what is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.inputs import PIXELS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from latency_bench.model_specs.spec import InputSpec, ModelSpec


def with_carried_inputs(module: torch.nn.Module, spec: ModelSpec) -> torch.nn.Module:
    """The module that takes, channel-first, what the spec says is carried."""
    if spec.carried_as is None:
        return module
    import torch

    tensors = spec.inputs

    class CarriedInputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module
            for number, tensor in enumerate(tensors):
                mean, std = (torch.tensor(values).reshape(1, -1, 1, 1) for values in tensor.normalisation)
                # (pixel / 255 - mean) / std with one multiplication.
                self.register_buffer(f"scale_{number}", 1 / (255 * std))
                self.register_buffer(f"shift_{number}", mean / std)

        def forward(self, *inputs: torch.Tensor) -> Any:
            return self.module(*(self.values(number, one) for number, one in enumerate(inputs)))

        def values(self, number: int, given: torch.Tensor) -> torch.Tensor:
            carried = tensors[number].carried_as
            scale, shift = getattr(self, f"scale_{number}"), getattr(self, f"shift_{number}")
            if carried is None:
                return given
            light = given.to(scale.dtype)
            return light * scale - shift if carried == PIXELS else light

    return CarriedInputs().eval()


def channels_last_pixels(module: torch.nn.Module, spec: ModelSpec) -> torch.nn.Module:
    """`module` (of `with_carried_inputs`) that takes pixels as (batch, height, width, 3): for formats that are
    channel-first themselves."""
    import torch

    places = pixel_places(spec)

    class ChannelsLastPixels(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *inputs: torch.Tensor) -> Any:
            return self.module(*(one.permute(0, 3, 1, 2) if place in places else one
                                 for place, one in enumerate(inputs)))  # fmt: skip

    return ChannelsLastPixels().eval() if places else module


def pixel_places(spec: ModelSpec) -> frozenset[int]:
    """Numbers of the inputs that are pixels."""
    return frozenset(place for place, tensor in enumerate(spec.inputs) if tensor.carried_as == PIXELS)


def carried_values(values: npt.NDArray[np.float32], tensor: InputSpec) -> npt.NDArray[Any]:
    """Normalised values (batch, 3, height, width) of an 8-bit image as they are carried: pixels come back exactly."""
    import numpy as np

    if tensor.carried_as != PIXELS:
        return values.astype(np.dtype(tensor.carried_as or tensor.dtype), copy=False)
    mean, std = (np.array(part).reshape(3, 1, 1) for part in tensor.normalisation)
    pixels: npt.NDArray[np.uint8] = np.clip(np.rint((values * std + mean) * 255), 0, 255).astype(np.uint8)
    return pixels
