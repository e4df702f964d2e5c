"""Tensors as bytes, one after the other, as native programs write their outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench_worker.runtime.tensors import from_bfloat16, storage_dtype
from latency_bench.devices.errors import WorkerError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def tensors_size_bytes(described: Sequence[Mapping[str, Any]]) -> int:
    """Of all of them: name, shape (batch included) and dtype each."""
    return sum(_size_bytes(one) for one in described)


def tensors_of(
    content: bytes, described: Sequence[Mapping[str, Any]], program: str
) -> dict[str, npt.NDArray[np.generic]]:
    """The tensors by name, bfloat16 as float32. Raises WorkerError where these are not the bytes of `described`."""
    import numpy as np

    expected = tensors_size_bytes(described)
    if expected != len(content):
        raise WorkerError("protocol", f"{program} wrote {len(content)} bytes of outputs, the model has {expected}")
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    position = 0
    for one in described:
        values: npt.NDArray[Any] = np.ndarray(tuple(one["shape"]), storage_dtype(one["dtype"]), content, position)
        arrays[one["name"]] = from_bfloat16(values) if one["dtype"] == "bfloat16" else values
        position += _size_bytes(one)
    return arrays


def _size_bytes(one: Mapping[str, Any]) -> int:
    count: int = math.prod(one["shape"])
    return storage_dtype(one["dtype"]).itemsize * count
