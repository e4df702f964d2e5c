"""--reference: what the outputs of a user's file have to be, looked at before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.array_file import UnreadableArraysError, named_arrays
from latency_bench.harness.export.format import FileTensor


def check_reference(path: Path, outputs: Sequence[FileTensor] | None) -> None:
    """`outputs`: those of the model; None where they are not known here.

    Raises UsageError for a file that is no .npz of finite numbers, for an output that the model does not have, and for
    one of another shape than the model states.
    """
    where = f"--reference {path}"
    stated = {tensor.name: tensor.shape for tensor in outputs or ()}
    arrays = _arrays(path, where)
    if not arrays:
        raise UsageError(
            f"{where}: the file is empty; write an array for each output with numpy.savez, under the output's name"
        )
    unnamed = len(arrays) == len(stated) == 1  # one output needs no name
    for name, array in arrays.items():
        if outputs is not None and name not in stated and not unnamed:
            raise UsageError(
                f"{where}: the model has no output called {name!r}; its outputs are {', '.join(map(repr, stated))}"
            )
        shape = stated.get(name, next(iter(stated.values()), None))
        if shape is not None and not _may_be(array.shape, shape):
            sizes = "x".join(str(size or "?") for size in shape)
            raise UsageError(f"{where}: {name!r} is {'x'.join(map(str, array.shape))}, the file states {sizes}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UsageError(f"{where}: {name!r} holds values that are not finite; nothing can agree with them")


def _arrays(path: Path, where: str) -> dict[str, np.ndarray]:
    try:
        return named_arrays(path)
    except UnreadableArraysError as error:
        raise UsageError(f"{where} is not an .npz file with an array of numbers for each output: {error}") from None


def _may_be(given: tuple[int, ...], stated: tuple[int | str, ...]) -> bool:
    return len(given) == len(stated) and all(
        not isinstance(size, int) or size < 1 or size == one for one, size in zip(given, stated, strict=True)
    )
