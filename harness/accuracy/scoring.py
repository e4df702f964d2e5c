"""Outputs held against labels: a row of counts an image, from whose sums every metric follows.

Segmentation counts intersections and unions by class over all images before it divides, as Cityscapes and ADE20K do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec

Counts = npt.NDArray[np.float64]
Metrics = Callable[[Counts], Mapping[str, float]]
"""Of the sums of rows, or of several such sums, one a row."""


@dataclass(frozen=True)
class Scorer:
    """`row` makes an image's counts of the output (1, classes, ...) and the label; `metrics` are per cent of their
    sums."""

    columns: tuple[str, ...]
    row: Callable[[np.ndarray, np.ndarray], Counts]
    metrics: Callable[[Counts], dict[str, Counts]]


def scorer_of(spec: ModelSpec) -> Scorer:
    """For labels, or for the fp32 module's own choices in their place."""
    classes = spec.outputs[0].channels or 0
    return _dense(classes) if spec.task == "segmentation" else _single()


def _single() -> Scorer:
    def row(output: np.ndarray, label: np.ndarray) -> Counts:
        logits = output.reshape(-1)
        wanted = int(label)
        if wanted >= len(logits):
            raise UsageError(f"an image is of class {wanted}, and the model has {len(logits)} outputs, from 0")
        # Ties go to the lower class, as argmax has it.
        better = int((logits > logits[wanted]).sum() + (logits[:wanted] == logits[wanted]).sum())
        return np.array([1.0, better < 1, better < 5])

    def metrics(sums: Counts) -> dict[str, Counts]:
        return {"top-1": 100 * sums[..., 1] / sums[..., 0], "top-5": 100 * sums[..., 2] / sums[..., 0]}

    return Scorer(("images", "top-1", "top-5"), row, metrics)


def _dense(classes: int) -> Scorer:
    names = tuple(f"{what} {number}" for what in ("intersection", "union") for number in range(classes))

    def row(output: np.ndarray, label: np.ndarray) -> Counts:
        chosen = class_map(output, label.shape)
        counts = label >= 0
        table = np.bincount(
            label[counts].astype(np.int64) * classes + chosen[counts], minlength=classes * classes
        ).reshape(classes, classes)
        same = np.diag(table)
        return np.concatenate([[1.0], same, table.sum(0) + table.sum(1) - same, [counts.sum(), same.sum()]])

    def metrics(sums: Counts) -> dict[str, Counts]:
        same, either = sums[..., 1 : 1 + classes], sums[..., 1 + classes : 1 + 2 * classes]
        seen = either > 0
        share = np.where(seen, same / np.where(seen, either, 1), 0)
        return {
            "mIoU": 100 * share.sum(-1) / np.maximum(seen.sum(-1), 1),
            "pixel accuracy": 100 * sums[..., -1] / np.maximum(sums[..., -2], 1),
        }

    return Scorer(("images", *names, "pixels", "right pixels"), row, metrics)


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
    if spec.task == "segmentation":
        return class_map(output, output.shape[-2:])
    return np.asarray(output.reshape(-1).argmax())
