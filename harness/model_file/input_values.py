"""What an input of a file is fed: noise of its type, or what the user gives by `--input`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_worker.runtime.tensors import as_bfloat16, storage_dtype
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.array_file import UnreadableArraysError, single_array
from latency_bench.harness.export.format import FileTensor
from latency_bench.harness.frozen_files import FrozenFile, freeze
from latency_bench.harness.model_file.file_request import FileRequest

if TYPE_CHECKING:
    import numpy as np

_SHOWN_DIGITS = 8
_WIDEST_BYTES = 8
"""Of one value, before it becomes the input's type."""
_NARROW_BITS = 16
"""Integers of up to so many bits are pixels, audio, or quantised values, and may be anything; wider ones are indices,
masks or counts, of which 0 and 1 are always valid."""


def drawn_range(dtype: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """Distribution, low and high of values that are drawn. A single integer is a count or a size: 1."""
    import numpy as np

    if "float" in dtype:
        return {"distribution": "normal"}
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return {"distribution": "uniform", "low": 0.0, "high": 2.0}
    if not shape:
        return {"distribution": "uniform", "low": 1.0, "high": 2.0}
    if kind.itemsize * 8 <= _NARROW_BITS:
        limits = np.iinfo(kind)
        return {"distribution": "uniform", "low": float(limits.min), "high": float(limits.max) + 1}
    return {"distribution": "uniform", "low": 0.0, "high": 2.0}


def given_number(text: str) -> float | int | None:
    """A number that fills an input; None where `text` is a path."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def shape_of_file(option: str, path: Path) -> tuple[int, ...]:
    """Of an array in an .npy file. Raises UsageError for a file that holds none."""
    return tuple(int(size) for size in _array(option, path).shape)


def inputs_as_said(file: str, request: FileRequest) -> tuple[FileTensor, ...]:
    """Of a file that is not read here: the inputs that the user names, of the type of the array that they are fed, else
    float32. Raises UsageError where there is none."""
    names = dict.fromkeys([*request.shapes, *request.values])
    if not names:
        raise UsageError(
            f"{file}: its inputs cannot be read on this computer. State them, for example: --shape=input=1x3x224x224 "
            "(float32), or --input=input=FILE.npy, which has the type too"
        )
    return tuple(FileTensor(name, None, _said_type(name, request.values.get(name))) for name in names)


def _said_type(name: str, text: str | None) -> str:
    if text is None or given_number(text) is not None:
        return "float32"
    return str(_array(f"--input {name}={text}", Path(text)).dtype.name)


def frozen_values(name: str, text: str, dtype: str, shape: tuple[int, ...]) -> tuple[FrozenFile, str]:
    """The values in a file of the cache, of the input's type and shape, and how they are called in a label.

    Raises UsageError where the type cannot hold them or the shape is another.
    """
    import numpy as np

    number = given_number(text)
    option = f"--input {name}={text}"
    if number is not None:
        _require_memory(option, shape)
    array: np.ndarray[Any, Any] = (
        _array(option, Path(text))
        if number is None
        else np.full(shape, number, np.float64 if isinstance(number, float) else np.int64)
    )
    if tuple(array.shape) != shape:
        raise UsageError(f"{option}: the array has shape {list(array.shape)}, the input {list(shape)}")
    values = _of_type(option, array, dtype)
    with TemporaryFolder("values") as folder:
        file = folder / "values.npy"
        np.save(file, values, allow_pickle=False)
        frozen = freeze(file)
    return frozen, text if number is not None else f"values {frozen.sha256[:_SHOWN_DIGITS]}"


def _require_memory(option: str, shape: tuple[int, ...]) -> None:
    """Raises UsageError where an array of this shape does not fit into this computer's memory."""
    from latency_bench.devices.host_memory import available_bytes

    needed_bytes, free_bytes = _WIDEST_BYTES * math.prod(shape), available_bytes()
    if needed_bytes > free_bytes:
        raise UsageError(
            f"{option}: {'x'.join(map(str, shape))} values take {needed_bytes / 1e9:.1f} GB, and "
            f"{free_bytes / 1e9:.1f} GB are free; give smaller sizes"
        )


def _array(option: str, path: Path) -> Any:
    try:
        return single_array(path)
    except UnreadableArraysError as error:
        raise UsageError(f"{option}: {path} cannot be read as an .npy file, which numpy.save writes: {error}") from None


def _of_type(option: str, array: Any, dtype: str) -> Any:
    """The array in the input's type, byte order and layout. Raises UsageError where a value would become another."""
    import numpy as np

    if dtype == "bfloat16":
        return np.ascontiguousarray(as_bfloat16(array) if array.dtype.kind == "f" else array, np.uint16)
    kind = storage_dtype(dtype)
    with np.errstate(all="ignore"):
        converted = np.asarray(array).astype(kind, order="C")
    floats = array.dtype.kind == "f" and kind.kind == "f"
    if not floats and not np.array_equal(converted.astype(array.dtype), array, equal_nan=array.dtype.kind == "f"):
        raise UsageError(f"{option}: the input is {dtype}, which cannot hold these values of {array.dtype}")
    return converted
