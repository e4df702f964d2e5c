"""Input values: the same bytes on the host and on the device, so that nothing large is pushed.

numpy promises that the stream of `RandomState` never changes (NEP 19).
"""

from typing import Any

import numpy as np

from .failure import STORAGE, WorkerError, bad_request
from .job import InputTensor
from .natural_images import natural_image
from .runtime.tensors import as_bfloat16, storage_dtype

_CHUNK = 1 << 20
"""Values drawn at a time: the doubles they are drawn in must not show in the peak of memory."""


def generate(tensor: InputTensor) -> "np.ndarray":
    """The input in the spec's layout: its file's values, or a normalised natural image, or standard normal, or uniform
    in [low, high), whole numbers for integers and truth values. bfloat16 as its bits.

    Raises WorkerError: bad-request where the type cannot hold [low, high) or the file's values are of another shape or
    type, storage where the file cannot be read.
    """
    if tensor.values is not None:
        return fitting(tensor, read_values(tensor, tensor.values))
    if tensor.dtype == "bfloat16":
        return as_bfloat16(generate(tensor._replace(dtype="float32")))
    dtype = np.dtype(tensor.dtype)
    if tensor.distribution == "natural":
        return _natural(tensor, dtype)
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
            if dtype.kind in "iub":
                drawn = np.floor(drawn)
        part[...] = drawn
    return values


def _natural(tensor: InputTensor, dtype: "np.dtype") -> "np.ndarray":
    """Another image for each of the batch."""
    _, channels, height, width = tensor.shape
    values = np.empty(tensor.shape, dtype)
    random = np.random.RandomState(tensor.seed)
    for image in values:
        light = natural_image(channels, height, width, random)
        for channel, mean, std in zip(range(channels), tensor.mean, tensor.std):
            normalised = (light[channel] - mean) / std
            # Pixels are whole numbers, from which a quotient may be off by its last bit.
            image[channel] = np.floor(normalised + 0.5) if dtype.kind == "u" else normalised
    return values


def read_values(tensor: InputTensor, path: str, mmap_mode: Any = None) -> "np.ndarray":
    """What a file of values holds, mapped and not read where a mode says so. Raises WorkerError (storage)."""
    try:
        values: "np.ndarray" = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise WorkerError(STORAGE, "input %s: its values cannot be read: %s" % (tensor.name, error))
    return values


def fitting(tensor: InputTensor, values: "np.ndarray") -> "np.ndarray":
    """Values as they are fed, bfloat16 as its bits. Raises WorkerError (bad-request) for another shape or type."""
    if tensor.dtype == "bfloat16" and values.dtype == np.float32:
        values = as_bfloat16(values)
    expected = storage_dtype(tensor.dtype)
    if values.shape != tensor.shape or values.dtype != expected:
        raise bad_request(
            "input %s: its values are %s of shape %s, not %s of shape %s"
            % (tensor.name, values.dtype, list(values.shape), tensor.dtype, list(tensor.shape))
        )
    return np.ascontiguousarray(values, expected).reshape(tensor.shape)


def in_artifact_layout(values: "np.ndarray", layout: str) -> "np.ndarray":
    """A C-contiguous array with the channels where the artifact wants them."""
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1)) if layout == "NHWC" else values
