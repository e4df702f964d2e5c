"""Outputs held against labels: a row of counts an image, from whose sums every metric follows. Of super-resolution an
output is the image that its tiles make.

Segmentation counts intersections and unions by class over all images before it divides, as Cityscapes and ADE20K do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from latency_bench.harness.accuracy import detection
from latency_bench.harness.accuracy.coco_evaluation import CocoImage
from latency_bench.harness.accuracy.prompted import coco_image, overlap
from latency_bench.harness.accuracy.super_resolution import quality
from latency_bench.harness.accuracy.super_resolution_sets import scale_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.statistics.image_metrics import (
    OF_CLASSIFIERS,
    OF_DETECTORS,
    OF_FEW_CLASSES,
    OF_PROMPTED,
    OF_SUPER_RESOLUTION,
    Counts,
    Metrics,
    metrics_of,
    of_segmentation,
)

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec


SCORED_TASKS = ("classification", "segmentation", "detection", "super-resolution", "segment-anything", "generic")


@dataclass(frozen=True)
class Scorer:
    """`row` makes an image's counts, named by `columns`, of the output (1, classes, ...) and the label."""

    columns: tuple[str, ...]
    row: Callable[[Any, Any], Counts]
    coco_image: Callable[[Any, Any], CocoImage] | None = None
    """What average precision is made of, of the same; None where the task has none."""

    @property
    def metrics(self) -> Metrics:
        """Of the sums of rows."""
        return metrics_of(self.columns)


def scorer_of(spec: ModelSpec) -> Scorer:
    """For labels, or for the fp32 module's own choices in their place."""
    classes = spec.outputs[0].channels or 0
    if spec.task == "segmentation":
        return _dense(classes)
    if spec.task == "segment-anything":
        return Scorer(OF_PROMPTED, overlap, coco_image)
    if spec.task == "detection":
        return Scorer(OF_DETECTORS, detection.detected, detection.coco_image)
    if spec.task == "super-resolution":
        return Scorer(OF_SUPER_RESOLUTION, partial(quality, scale_of(spec)))
    columns = OF_FEW_CLASSES if 0 < classes <= 5 else OF_CLASSIFIERS
    return Scorer(columns, lambda output, label: _right_or_not(output, label)[: len(columns)])


def _right_or_not(output: np.ndarray, label: np.ndarray) -> Counts:
    logits = output.reshape(-1)
    wanted = int(label)
    if wanted >= len(logits):
        raise UsageError(f"an image is of class {wanted}, and the model has {len(logits)} outputs, from 0")
    # Ties go to the lower class, as argmax has it.
    better = int((logits > logits[wanted]).sum() + (logits[:wanted] == logits[wanted]).sum())
    return np.array([1.0, better < 1, better < 5])


def _dense(classes: int) -> Scorer:
    def row(output: np.ndarray, label: np.ndarray) -> Counts:
        chosen = class_map(output, label.shape)
        counts = label >= 0
        table = np.bincount(
            label[counts].astype(np.int64) * classes + chosen[counts], minlength=classes * classes
        ).reshape(classes, classes)
        same = np.diag(table)
        return np.concatenate([[1.0], same, table.sum(0) + table.sum(1) - same, [counts.sum(), same.sum()]])

    return Scorer(of_segmentation(classes), row)


def class_map(output: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The class of every pixel at the label's size, from logits (1, classes, h, w), resized bicubically before the
    largest is taken, or from classes (1, h, w), of which each takes its nearest."""
    import torch
    import torch.nn.functional as F

    if output.ndim == 3:
        nearest = F.interpolate(torch.from_numpy(output[None].astype(np.float32)), size=size[-2:], mode="nearest")
        return nearest[0, 0].numpy().astype(np.int64)
    logits = torch.from_numpy(np.ascontiguousarray(output, dtype=np.float32))
    return F.interpolate(logits, size=size[-2:], mode="bicubic", align_corners=False)[0].argmax(0).numpy()


def own_choice(output: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """What a module's output says itself: the label that others are held against where there is none."""
    if spec.task == "super-resolution":
        return output
    if spec.task == "segmentation":
        return class_map(output, output.shape[-2:])
    return np.asarray(output.reshape(-1).argmax())
