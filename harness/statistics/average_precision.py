"""How sure an average precision is: images drawn again with replacement, and the precision of each draw computed anew.

Average precision is no mean over images, but it follows from which detections were matched, and a draw says only how
often each image, and with it each of its detections, occurs. Interpolated at 101 recalls, as COCO's evaluation does it
(pycocotools, cocoeval.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latency_bench.harness.statistics.image_bootstrap import DRAWS

Floats = npt.NDArray[np.float64]
_RECALLS = np.linspace(0.0, 1.0, 101)
_FEWEST_DRAWS = 200
_MOST_STEPS = 400_000_000
"""Detections times thresholds times draws: about a minute of a processor."""
_STEPS_AT_ONCE = 2_000_000
"""Held in memory at once, in arrays of this many."""


@dataclass(frozen=True)
class CategoryDetections:
    """The detections of one category in all images, the highest score first, and how they were matched by each
    threshold of overlap. A detection that is neither right nor wrong is ignored."""

    image: npt.NDArray[np.int64]
    """(detections,): which image each is of, from 0."""
    is_right: npt.NDArray[np.bool_]
    """(thresholds, detections)."""
    is_wrong: npt.NDArray[np.bool_]
    objects: npt.NDArray[np.int64]
    """(images,): how many objects there are to be found."""


def number_of_draws(categories: Sequence[CategoryDetections]) -> int:
    """As many as for other metrics, fewer where there are very many detections."""
    steps = sum(one.is_right.size for one in categories)
    return max(_FEWEST_DRAWS, min(DRAWS, _MOST_STEPS // max(1, steps)))


def drawn_precisions(categories: Sequence[CategoryDetections], images: int, draws: int, seed: int) -> Floats:
    """(draws, thresholds): the mean over the categories that a draw has objects of; 0 where it has none of any."""
    random = np.random.RandomState(seed)
    largest = max([images, *(one.is_right.size for one in categories)])
    at_once = max(1, _STEPS_AT_ONCE // largest)
    parts = []
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        weights = random.multinomial(images, np.full(images, 1 / images), size=count).astype(np.float64)
        parts.append(mean_precision(categories, weights))
    return np.concatenate(parts)


def mean_precision(categories: Sequence[CategoryDetections], weights: Floats) -> Floats:
    """(draws, thresholds), where image i occurs `weights[draw, i]` times."""
    sums, seen = np.zeros((len(weights), len(categories[0].is_right))), np.zeros(len(weights))
    for one in categories:
        objects = weights @ one.objects
        seen += objects > 0
        sums += np.where(objects[:, None] > 0, _precision(one, weights, np.maximum(objects, 1)), 0.0)
    precision: Floats = sums / np.maximum(seen, 1)[:, None]
    return precision


def _precision(detections: CategoryDetections, weights: Floats, objects: Floats) -> Floats:
    """(draws, thresholds), of one category that has `objects` (draws,)."""
    if not len(detections.image):
        return np.zeros((len(weights), len(detections.is_right)))
    occurs = weights[:, None, detections.image]
    right = np.cumsum(occurs * detections.is_right, axis=2)
    wrong = np.cumsum(occurs * detections.is_wrong, axis=2)
    recall = right / objects[:, None, None]
    precision = right / (right + wrong + np.spacing(1))
    # At each recall the best precision that is reached there or further on.
    best = np.maximum.accumulate(precision[..., ::-1], axis=2)[..., ::-1]
    # How many of the 101 recalls are reached at each detection for the first time.
    reached = np.searchsorted(_RECALLS, recall, side="right")
    interpolated: Floats = (np.diff(reached, axis=2, prepend=0) * best).sum(axis=2) / len(_RECALLS)
    return interpolated
