"""Boxes of a detector: which of its candidates stay, and where they lie in the photograph."""

from typing import NamedTuple, Tuple

import numpy as np

from .image_library import ImageLibrary
from .placement import Placement


class Keeping(NamedTuple):
    """Candidates with a smaller score go; so does one that overlaps a better one of its class by more than `overlap`
    (intersection over union). Of the rest the best `most` stay."""

    score: float
    overlap: float
    most: int


# Of Ultralytics' `predict` and `val` (ultralytics/cfg/default.yaml).
SHOWN = Keeping(0.25, 0.7, 300)
"""What an application shows."""
SCORED = Keeping(0.001, 0.7, 300)
"""What average precision is made of, which counts unlikely ones too."""


class Detections(NamedTuple):
    """Best first. `boxes`: float32 (count, 4), left, top, right, bottom in pixels of the photograph."""

    boxes: "np.ndarray"
    scores: "np.ndarray"
    classes: "np.ndarray"


def detections(
    candidates: "np.ndarray", library: ImageLibrary, photograph: Tuple[int, int], placed: Placement, keeping: Keeping
) -> Detections:
    """`candidates`: (4 + classes, count): centre, width and height in pixels of the input, then a score for each class,
    of which the best one counts. `photograph`: its (width, height); `placed`: where it lay in the input."""
    scores, classes = candidates[4:].max(axis=0), candidates[4:].argmax(axis=0)
    likely = np.flatnonzero(scores >= keeping.score)
    boxes = _corners(candidates[:4, likely].T.astype(np.float32))
    chosen = library.suppressed(boxes, scores[likely], classes[likely], keeping.overlap)[: keeping.most]
    kept = likely[chosen]
    return Detections(in_photograph(boxes[chosen], photograph, placed), scores[kept], classes[kept])


def as_given(rows: "np.ndarray", photograph: Tuple[int, int], placed: Placement, keeping: Keeping) -> Detections:
    """`rows`: (count, 6), what the network's own suppression leaves: corners in pixels of the input, score and class;
    empty ones have no score."""
    best = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept = best[best[:, 4] >= keeping.score][: keeping.most]
    boxes = in_photograph(kept[:, :4].astype(np.float32), photograph, placed)
    return Detections(boxes, kept[:, 4], kept[:, 5].astype(np.int64))


def _corners(boxes: "np.ndarray") -> "np.ndarray":
    middle, half = boxes[:, :2], boxes[:, 2:] / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def in_photograph(boxes: "np.ndarray", photograph: Tuple[int, int], placed: Placement) -> "np.ndarray":
    """Back through the cut and the resizing; what lies outside is cut off."""
    width, height = photograph
    moved = boxes + np.array([placed.left, placed.top] * 2, np.float32)
    scale = np.array([width / placed.width, height / placed.height] * 2, np.float32)
    return np.clip(moved * scale, 0, np.array([width, height] * 2, np.float32))
