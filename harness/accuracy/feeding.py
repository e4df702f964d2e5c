"""What an image becomes on its way through the network: the values of one input or of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench_worker.pipeline.normalising import Normalising
from latency_bench.model_specs.spec import InputSpec

Values = npt.NDArray[np.float32]
"""(1, 3, height, width), normalised."""


@dataclass(frozen=True)
class Fed:
    """`values`: one entry a request. `join` makes one output of theirs. `label`: what that has to be, where it is known
    from the files already."""

    values: tuple[Values, ...]
    join: Callable[[Sequence[np.ndarray]], np.ndarray]
    label: np.ndarray | None = None


def whole(values: Values) -> Fed:
    """One request an image."""
    return Fed((values,), lambda outputs: outputs[0])


def as_values(pixels: npt.NDArray[np.uint8], tensor: InputSpec) -> Values:
    """Pixels (height, width, 3), at most as large as the input, as the network takes them: by the same code as a
    pipeline on the device."""
    values = np.empty((1, *tensor.shape), np.float32)
    Normalising(*tensor.normalisation).fill(values[0], pixels, channels_last=False)
    return values
