"""Sizes that a file leaves open are a question to the user; only an open batch is 1 unless `--batch` says otherwise.

What is given for a size by name holds for every input that has a size of that name, as the file means it.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.format import FileTensor
from latency_bench.harness.model_file.file_request import FileRequest, shape_text
from latency_bench.harness.model_file.image_axes import is_image_rank

MOST_VALUES = (2**63 - 1) // 8
"""Of one tensor, of 64 bits each: no array of numpy can be larger."""
_SPATIAL_EXAMPLE, _OTHER_EXAMPLE = 224, 128
_BATCH_WORDS = ("batch", "bs", "n", "none", "?")
"""How exporters call the first dimension where it is the batch; ONNX's converter numbers unnamed ones (`unk__12`)."""


@dataclass(frozen=True)
class ClosedShapes:
    """Every input's size, in the file's order."""

    shapes: tuple[tuple[int, ...], ...]
    batch: int | None
    """What an open batch was set to; None where the file has no open batch."""
    asked: tuple[bool, ...]
    """Whether an input had open sizes other than the batch, so that its shape is part of what is measured."""


def closed_shapes(file: str, inputs: Sequence[FileTensor], request: FileRequest) -> ClosedShapes:
    """The sizes that are given put where the file leaves them open. `file` is its name, for errors.

    Raises UsageError for a size that contradicts the file, for a name that it has not, and, with a line to copy, for
    sizes that stay open.
    """
    _refuse_unknown(file, inputs, request)
    by_name = dict(request.dimensions)
    for tensor in inputs:
        if tensor.name in request.shapes:
            _take_shape(file, tensor, request.shapes[tensor.name], by_name)
    batch = _batch(file, inputs, request, by_name)
    shapes = [_closed(tensor, request, by_name, batch) for tensor in inputs]
    if any(shape is None for shape in shapes):
        raise UsageError(_question(file, inputs, shapes, by_name))
    closed = tuple(shape for shape in shapes if shape is not None)
    for tensor, shape in zip(inputs, closed, strict=True):
        if math.prod(shape) > MOST_VALUES:
            raise UsageError(
                f"{file}: input {tensor.name} would be {shape_text(shape)}, more values than memory has addresses for; "
                "give smaller sizes"
            )
    return ClosedShapes(
        closed,
        batch,
        tuple(_has_open_sizes(tensor, batch is not None) for tensor in inputs),
    )


def _refuse_unknown(file: str, inputs: Sequence[FileTensor], request: FileRequest) -> None:
    names = [tensor.name for tensor in inputs]
    for option, given in (("--shape", request.shapes), ("--input", request.values)):
        if absent := [name for name in given if name not in names]:
            raise UsageError(
                f"{option} {absent[0]}: {file} has no input of that name; its inputs are {', '.join(names) or 'none'}"
            )
    symbols = sorted({size for tensor in inputs for size in tensor.shape or () if isinstance(size, str) and size})
    if absent := [name for name in request.dimensions if name not in symbols]:
        known = (
            f"its open sizes are called {', '.join(symbols)}"
            if symbols
            else "its open sizes have no names: use --shape"
        )
        raise UsageError(f"--dim {absent[0]}: {file} has no open size of that name; {known}")


def _take_shape(file: str, tensor: FileTensor, shape: tuple[int, ...], by_name: dict[str, int]) -> None:
    """Check a shape against what the file states, and learn the named sizes from it."""
    given = f"{file}: input {tensor.name} is {stated_text(tensor)}, and it is given {shape_text(shape)}"
    if tensor.shape is None:
        return
    if len(shape) != len(tensor.shape):
        raise UsageError(f"{given}: {len(tensor.shape)} sizes are needed")
    for stated, size in zip(tensor.shape, shape, strict=True):
        if isinstance(stated, int) and stated != size:
            raise UsageError(f"{given}, but the file fixes {stated} where that has {size}")
        if isinstance(stated, str) and stated and by_name.setdefault(stated, size) != size:
            raise UsageError(f"{given}, but {stated} is {by_name[stated]} elsewhere")


def _batch(file: str, inputs: Sequence[FileTensor], request: FileRequest, by_name: dict[str, int]) -> int | None:
    """The size of an open batch; the names that it has are added to `by_name`."""
    still_open = [
        tensor
        for tensor in inputs
        if (size := _first_open(tensor)) is not None and size not in by_name and tensor.name not in request.shapes
    ]
    batches = still_open if request.batch is not None else _batches_unasked(inputs, still_open)
    if not batches:
        _check_fixed_batch(file, inputs, request, by_name)
        return request.batch
    batch = request.batch or 1
    by_name.update({size: batch for one in batches if (size := _first_open(one))})
    return batch


def _batches_unasked(inputs: Sequence[FileTensor], still_open: Sequence[FileTensor]) -> list[FileTensor]:
    """The inputs whose open first size is plainly the batch: by its name, and no other input fixes a larger one."""
    fixed = [one.shape[0] for one in inputs if one.shape is not None and len(one.shape) >= 2]
    if any(isinstance(size, int) and size != 1 for size in fixed):
        return []
    return [one for one in still_open if _is_batch(_first_open(one))]


def _check_fixed_batch(
    file: str, inputs: Sequence[FileTensor], request: FileRequest, by_name: Mapping[str, int]
) -> None:
    """Raises UsageError where a batch is asked for that the file does not have."""
    if request.batch is None:
        return
    shapes = [_closed(tensor, request, by_name, None) for tensor in inputs]
    firsts = {shape[0] for shape in shapes if shape}
    if firsts != {request.batch}:
        has = ", ".join(map(str, sorted(firsts))) or "none"
        raise UsageError(
            f"--batch {request.batch}: the batch of {file} is fixed, the first size of its inputs is {has}; "
            "export it again with another batch"
        )


def _first_open(tensor: FileTensor) -> str | None:
    """The name of an open first size of several, which may be empty; None where it is fixed."""
    if tensor.shape is None or len(tensor.shape) < 2 or isinstance(tensor.shape[0], int):
        return None
    return tensor.shape[0]


def _is_batch(size: str | None) -> bool:
    word = (size or "").lower()
    return not word or word in _BATCH_WORDS or "batch" in word or word.startswith("unk__")


def _closed(
    tensor: FileTensor, request: FileRequest, by_name: Mapping[str, int], batch: int | None
) -> tuple[int, ...] | None:
    """The shape, None while a size of it is open."""
    if tensor.name in request.shapes:
        return request.shapes[tensor.name]
    if tensor.shape is None:
        return None
    first = batch if _first_open(tensor) == "" else None
    sizes: list[int] = []
    for axis, stated in enumerate(tensor.shape):
        size = stated if isinstance(stated, int) else first if axis == 0 and first else by_name.get(stated)
        if size is None:
            return None
        sizes.append(size)
    return tuple(sizes)


def _has_open_sizes(tensor: FileTensor, has_batch: bool) -> bool:
    if tensor.shape is None:
        return True
    stated = tensor.shape[1:] if has_batch and _first_open(tensor) is not None else tensor.shape
    return any(isinstance(size, str) for size in stated)


def _question(
    file: str, inputs: Sequence[FileTensor], shapes: Sequence[tuple[int, ...] | None], known: Mapping[str, int]
) -> str:
    still_open = [tensor for tensor, shape in zip(inputs, shapes, strict=True) if shape is None]
    listed = "; ".join(f"{tensor.name} is {stated_text(tensor)}" for tensor in still_open)
    words: list[str] = []
    decided = dict(known)
    for tensor in still_open:
        words += _example(tensor, decided)
        # One without a name is not that of another input.
        decided |= {size: 0 for size in tensor.shape or () if isinstance(size, str) and size}
    return f"{file} leaves sizes open: {listed}. Give them, for example: {shlex.join(words)}"


def _example(tensor: FileTensor, known: Mapping[str, int]) -> list[str]:
    """Options that close an input: by name where all its open sizes have one. `known` are those that are decided."""
    if tensor.shape is None:
        return [f"--shape={tensor.name}=1x{_OTHER_EXAMPLE}"]
    of_image = is_image_rank(tensor.shape)
    size = _SPATIAL_EXAMPLE if of_image else _OTHER_EXAMPLE
    closed = tuple(
        one if isinstance(one, int) else 1 if axis == 0 and (of_image or _is_batch(one)) else size
        for axis, one in enumerate(tensor.shape)
    )
    named = dict.fromkeys(
        (one, closed[axis])
        for axis, one in enumerate(tensor.shape)
        if isinstance(one, str) and one not in known and not (one == "" and axis == 0 and len(tensor.shape) > 1)
    )
    if all(name for name, _ in named):
        return [f"--dim={name}={example}" for name, example in named]
    return [f"--shape={tensor.name}={shape_text(closed)}"]


def stated_text(tensor: FileTensor) -> str:
    """`float32 [batch, 3, ?, ?]`, for people."""
    if tensor.shape is None:
        return f"{tensor.dtype} of any number of dimensions"
    return f"{tensor.dtype} [{', '.join(str(size) or '?' for size in tensor.shape)}]"
