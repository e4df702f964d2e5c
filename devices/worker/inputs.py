"""Input values: the same bytes on the host and on the device, so that nothing large is pushed.

numpy promises that the stream of `RandomState` never changes (NEP 19).
"""

import numpy as np

from .failure import bad_request
from .job import InputTensor

_CHUNK = 1 << 20
"""Values drawn at a time: the doubles they are drawn in must not show in the peak of memory."""


def generate(tensor: InputTensor) -> "np.ndarray":
    """The input in the spec's layout: standard normal, or uniform in [low, high), whole numbers for integer types.

    Raises WorkerError (bad-request) where the type cannot hold [low, high).
    """
    dtype = np.dtype(tensor.dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if tensor.low < limits.min or tensor.high > limits.max + 1:
            raise bad_request(
                "input %s: [%g, %g) does not fit %s, which holds %d to %d"
                % (tensor.name, tensor.low, tensor.high, dtype, limits.min, limits.max)
            )
    values = np.empty(tensor.shape, dtype)
    flat = values.reshape(-1)
    random = np.random.RandomState(tensor.seed)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        if tensor.distribution == "normal":
            drawn = random.standard_normal(part.size)
        else:
            drawn = tensor.low + (tensor.high - tensor.low) * random.random_sample(part.size)
            if dtype.kind in "iu":
                drawn = np.floor(drawn)
        part[...] = drawn
    return values


def in_artifact_layout(values: "np.ndarray", layout: str) -> "np.ndarray":
    """A C-contiguous array with the channels where the artifact wants them."""
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1)) if layout == "NHWC" else values
