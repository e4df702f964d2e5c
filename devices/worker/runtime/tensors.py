"""Do the inputs of a request fit those of an artifact? And memory for tensors."""

from typing import TYPE_CHECKING, Any, List, Sequence, Tuple

from ..failure import bad_request
from ..job import InputTensor
from .base import TensorInfo

if TYPE_CHECKING:
    import numpy as np

_ALIGNMENT_BYTES = 64


def match_inputs(requested: Sequence[InputTensor], actual: Sequence[TensorInfo]) -> List[InputTensor]:
    """`requested` in the artifact's order: by name where all names agree, else in the order given (converters rename).

    Raises WorkerError (bad-request), with both shapes, where they do not fit.
    """
    if len(requested) != len(actual):
        raise bad_request(
            "the request has %d inputs (%s), the artifact %d (%s)"
            % (len(requested), _names(requested), len(actual), _names(actual))
        )
    by_name = {tensor.name: tensor for tensor in requested}
    ordered = list(requested)
    if len(by_name) == len(actual) and set(by_name) == {tensor.name for tensor in actual}:
        ordered = [by_name[tensor.name] for tensor in actual]
    for wanted, found in zip(ordered, actual):
        if not _fits(wanted.artifact_shape, found):
            raise bad_request(
                "input %s: the request has shape %s (%s), the artifact wants %s for its input %s"
                % (wanted.name, list(wanted.artifact_shape), wanted.layout, _shape_text(found), found.name),
                "export the model again at this size, or ask for the artifact's; check `layout` as well",
            )
        if wanted.dtype != found.dtype:
            raise bad_request(
                "input %s: the request has type %s, the artifact wants %s for its input %s"
                % (wanted.name, wanted.dtype, found.dtype, found.name)
            )
    return ordered


def aligned_empty(shape: Sequence[int], dtype: str) -> "np.ndarray":
    """Uninitialised and C-contiguous, at a multiple of 64 bytes, as the runtimes' own allocators do: a vector load that
    crosses cache lines would be our doing."""
    import numpy as np

    kind = storage_dtype(dtype)
    size_bytes = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    raw = np.empty(size_bytes + _ALIGNMENT_BYTES, np.uint8)
    skip = -raw.ctypes.data % _ALIGNMENT_BYTES
    return raw[skip : skip + size_bytes].view(kind).reshape(tuple(shape))


def storage_dtype(dtype: str) -> "np.dtype[Any]":
    """numpy's type of the arrays that hold values of a type: bfloat16 lies in uint16, which numpy has."""
    import numpy as np

    return np.dtype("uint16" if dtype == "bfloat16" else dtype)


def as_bfloat16(values: "np.ndarray") -> "np.ndarray":
    """The bits of the nearest bfloat16, ties to even, of float32 values; an infinity stays one."""
    import numpy as np

    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), bits >> 16 | 0x40, rounded).astype(np.uint16)


def from_bfloat16(bits: "np.ndarray") -> "np.ndarray":
    """As float32, which holds every value of it."""
    import numpy as np

    return (bits.astype(np.uint32) << 16).view(np.float32)


def _fits(shape: Tuple[int, ...], found: TensorInfo) -> bool:
    return len(shape) == len(found.shape) and all(
        size is None or size == wanted for wanted, size in zip(shape, found.shape)
    )


def _shape_text(tensor: TensorInfo) -> str:
    return "[%s]" % ", ".join("any" if size is None else str(size) for size in tensor.shape)


def _names(tensors: Sequence["InputTensor | TensorInfo"]) -> str:
    return ", ".join(tensor.name for tensor in tensors) or "none"
