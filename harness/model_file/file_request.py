"""What a user says of a file beside its path, all of it by the names that the file uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LARGEST_SIZE = 2**31 - 1
"""Of one dimension: no runtime counts further."""
_SIZES = re.compile(r"\d{1,10}(?:x\d{1,10})*")
SCALAR = "scalar"
"""The shape of a tensor without dimensions, as `--shape` takes it."""


@dataclass(frozen=True)
class FileRequest:
    """Fields that are empty or None were not given."""

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Sizes by input."""
    dimensions: Mapping[str, int] = field(default_factory=dict)
    """Sizes by the name that the file has for an open one."""
    batch: int | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    """By input: a number that fills it, or the path of an .npy file."""
    name: str | None = None
    """What the model is called in place of a name made of the file's."""
    reference: Path | None = None
    """An .npz file with what the outputs have to be, by name."""


def parse_shape(text: str) -> tuple[int, ...]:
    """`1x3x640x640`, or `scalar`. Raises ValueError."""
    if text == SCALAR:
        return ()
    if not _SIZES.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a shape; write sizes with x between them, for example 1x3x640x640")
    return tuple(map(parse_size, text.split("x")))


def parse_size(text: str) -> int:
    """One dimension. Raises ValueError."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(LARGEST_SIZE)) or int(text) > LARGEST_SIZE:
        raise ValueError(f"{text[:40]!r} is not a size; write a whole number up to {LARGEST_SIZE}")
    return int(text)


def shape_text(shape: tuple[int, ...]) -> str:
    """As `--shape` takes it."""
    return "x".join(map(str, shape)) or SCALAR
