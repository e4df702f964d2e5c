"""What an image becomes on its way through the network: the values of one input or of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench_worker.pipeline.normalising import Normalising
from latency_bench.model_specs.spec import InputSpec

Values = npt.NDArray[np.float32]
"""(1, 3, height, width), normalised."""
Outputs = Mapping[str, np.ndarray]
"""Of one request, by the spec's names."""


@dataclass(frozen=True)
class Fed:
    """`values`: one entry a request. `join` makes of their outputs what is held against the label. `label`: what that
    has to be, where it is known from the files already. `prompts`: further inputs by name, one entry a request; empty
    where the image is the only input."""

    values: tuple[Values, ...]
    join: Callable[[Sequence[Outputs]], Any]
    label: Any = None
    prompts: tuple[Mapping[str, np.ndarray], ...] = ()


def whole(values: Values) -> Fed:
    """One request an image."""
    return Fed((values,), lambda outputs: only(outputs[0]))


def only(outputs: Outputs) -> np.ndarray:
    """The output of a network that has one."""
    (output,) = outputs.values()
    return output


def as_values(pixels: npt.NDArray[np.uint8], tensor: InputSpec) -> Values:
    """Pixels (height, width, 3), at most as large as the input, as the network takes them: by the same code as a
    pipeline on the device."""
    values = np.empty((1, *tensor.shape), np.float32)
    Normalising(*tensor.normalisation).fill(values[0], pixels, channels_last=False)
    return values
