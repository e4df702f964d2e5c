"""Which tensor of a file is which of the model that it was converted from, and in which order of dimensions.

Converters rename tensors and move the channels of images; what a model is fed and gives stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.format import FileTensor
from latency_bench.harness.model_file.image_axes import is_image_rank

Axes: TypeAlias = tuple[int, ...]
"""As numpy's transpose takes them."""
CHANNELS_FIRST: Axes = (0, 3, 1, 2)
CHANNELS_LAST: Axes = (0, 2, 3, 1)


def counterparts(what: str, names: Sequence[str], others: Sequence[FileTensor]) -> list[FileTensor]:
    """For each tensor of a file the one of `others`: of the same name where all have the same names, else in order.

    `what`: `input` or `output`, for errors. Raises UsageError where they are not as many.
    """
    by_name = {one.name: one for one in others}
    if by_name.keys() == set(names):
        return [by_name[name] for name in names]
    if len(names) != len(others):
        theirs = ", ".join(by_name) or "none"
        raise UsageError(f"the file's {what}s are {', '.join(names) or 'none'}, and the other's are {theirs}")
    return list(others)


def axes_between(shape: Sequence[int], stated: Sequence[int | str] | None, converted: bool) -> Axes | None:
    """How dimensions have to be ordered so that an array of `shape` is as `stated`, where what is open fits any size;
    None where it cannot be.

    `converted`: between two formats, so that an image's channels have moved where the sizes leave it open.
    """
    same: Axes = tuple(range(len(shape)))
    if stated is None:
        return same
    moved: tuple[Axes, ...] = (CHANNELS_FIRST, CHANNELS_LAST) if is_image_rank(shape) else ()
    for axes in (*moved, same) if converted else (same, *moved):
        if _fits([shape[axis] for axis in axes], stated):
            return axes
    return None


def _fits(shape: Sequence[int], stated: Sequence[int | str]) -> bool:
    return len(shape) == len(stated) and all(
        not isinstance(size, int) or size == one for one, size in zip(shape, stated, strict=True)
    )
