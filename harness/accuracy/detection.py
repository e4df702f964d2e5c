"""Detection: what stays of a network's candidates, by the code that a pipeline runs on the device
(bench_worker/pipeline/detections.py) or in the network itself, is held against the boxes of the annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench_worker.pipeline.detections import SCORED, Detections, as_given, detections
from bench_worker.pipeline.opencv import OpenCv
from bench_worker.pipeline.placement import placement
from latency_bench.harness.accuracy.coco_evaluation import CocoImage
from latency_bench.harness.accuracy.feeding import Fed, Outputs, only
from latency_bench.harness.accuracy.preparing import image_values
from latency_bench.harness.accuracy.samples import PromptedObject, Sample
from latency_bench.harness.export.image_file import opened_image
from latency_bench.harness.statistics.image_metrics import Counts

if TYPE_CHECKING:
    from latency_bench.model_specs.preparation import Preparation
    from latency_bench.model_specs.spec import ModelSpec

_HALF = 0.5


class TrueBoxes(NamedTuple):
    """What an image shows; its size in pixels."""

    height: int
    width: int
    objects: tuple[PromptedObject, ...]


def feed(sample: Sample, spec: ModelSpec, how: Preparation, is_suppressed: bool) -> Fed:
    """One request. `is_suppressed`: by the network, which gives what stays. Raises UnusableImageError."""
    assert isinstance(sample.label, tuple)
    tensor = spec.inputs[0]
    with opened_image(sample.image) as image:
        width, height = image.size
    values = image_values(sample.image, tensor, how)
    placed = placement(width, height, tensor.shape[-1], tensor.shape[-2], how.resize, how.crop_share)

    def join(outputs: Sequence[Outputs]) -> Detections:
        (found,) = only(outputs[0])
        if is_suppressed:
            return as_given(found, (width, height), placed, SCORED)
        return detections(found, OpenCv(), (width, height), placed, SCORED)

    return Fed((values,), join, TrueBoxes(height, width, sample.label))


def detected(found: Detections, truth: TrueBoxes) -> Counts:
    """One image, its objects, and how many of them a box of their class overlaps by half or more."""
    from pycocotools import mask as coco_mask

    objects = [one for one in truth.objects if not one.is_crowd]
    if not objects or not len(found.boxes):
        return np.array([1.0, len(objects), 0.0])
    boxes = np.array([_sized(np.array(one.box)) for one in objects], dtype=np.float64)
    overlaps = coco_mask.iou(_sized(found.boxes).astype(np.float64), boxes, [0] * len(objects))
    same = found.classes[:, None] == np.array([one.category for one in objects])
    return np.array([1.0, len(objects), ((overlaps >= _HALF) & same).any(axis=0).sum()])


def coco_image(found: Detections, truth: TrueBoxes) -> CocoImage:
    """For average precision."""
    annotations = tuple(
        {
            "category_id": one.category,
            "area": _area(one) if one.area is None else one.area,
            "iscrowd": int(one.is_crowd),
            "bbox": _sized(np.array(one.box)).tolist(),
        }
        for one in truth.objects
    )
    results: tuple[dict[str, Any], ...] = tuple(
        {"category_id": int(category), "score": float(score), "bbox": box}
        for box, score, category in zip(_sized(found.boxes).tolist(), found.scores, found.classes, strict=True)
    )
    return CocoImage(truth.height, truth.width, annotations, results)


def _area(one: PromptedObject) -> float:
    left, top, right, bottom = one.box
    return (right - left) * (bottom - top)


def _sized(boxes: np.ndarray) -> np.ndarray:
    """Left, top, width and height of boxes with their corners."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)
