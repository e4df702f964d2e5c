"""A data set as an evaluation sees it: images with what they are held against. Nothing is opened here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class PromptedObject:
    """An object of an image: its box, with which a network may be prompted, left, top, right and bottom in pixels, and
    its mask as JSON of COCO's segmentation, empty where only boxes count."""

    box: tuple[float, float, float, float]
    segmentation: str
    category: int = 0
    """Of detectors the class, from 0."""
    area: float | None = None
    """As the annotations state it, in pixels; None: of the mask."""
    is_crowd: bool = False
    """A group, which is no prompt; what is found in it is neither right nor wrong."""


Label = int | Path | tuple[PromptedObject, ...] | None


@dataclass(frozen=True)
class Sample:
    """An image and what it shows: a class, a file (an image of classes, or the image in high resolution), or objects;
    None where there is no label."""

    name: str
    """Relative to the data set's folder, `/` between folders; bytes of it that are no UTF-8 are written as `\\xe9`."""
    image: Path
    label: Label = None


@dataclass(frozen=True)
class DataSet:
    """`layout` is one of LAYOUTS. `to_class` turns the values of a label image into classes, -1 where none counts."""

    layout: str
    folder: Path
    samples: tuple[Sample, ...]
    to_class: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def digest(self) -> str:
        """Of names, sizes and labels of the images, in order: which images these are, and what they are held against.
        Nothing is read; of a label that is an image it has the name and size."""
        lines = (f"{_size_bytes(one.image)} {one.name} {_label_text(one.label)}\n" for one in self.samples)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def labels(self) -> dict[str, str] | None:
        """What each image is held against, in words, by its name; None where there are no labels."""
        if any(one.label is None for one in self.samples):
            return None
        return {one.name: _label_text(one.label) for one in self.samples}

    def some(self, limit: int | None, seed: int) -> DataSet:
        """At most so many, drawn with a seed and in their order; all of them for None."""
        if limit is None or limit >= len(self.samples):
            return self
        chosen = np.random.RandomState(seed).permutation(len(self.samples))[:limit]
        return replace(self, samples=tuple(self.samples[place] for place in sorted(chosen)))


def _label_text(label: Label) -> str:
    """For the digest, in which nothing is read."""
    return f"{_size_bytes(label)} {label.name}" if isinstance(label, Path) else str(label)


def _size_bytes(image: Path) -> int | None:
    """None for a file that is not there; it is left out, and counted, where it is read."""
    try:
        return image.stat().st_size if image.is_file() else None
    except OSError:
        return None
