"""Promptable segmentation: a network is prompted with the box of each object of an image, and the mask that it thinks
best is held against the object's own.

Images and boxes are prepared as Segment Anything's predictor does it, and masks come back to the image's size by the
code that a pipeline runs on the device (bench_worker/pipeline/answers.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bench_worker.pipeline.answers import Asked, best_masks
from bench_worker.pipeline.pillow import Pillow
from bench_worker.pipeline.placement import placement
from latency_bench.harness.accuracy.coco_evaluation import CocoImage
from latency_bench.harness.accuracy.coco_masks import Mask, mask_of, run_lengths
from latency_bench.harness.accuracy.feeding import Fed, Outputs
from latency_bench.harness.accuracy.preparing import image_values
from latency_bench.harness.accuracy.samples import PromptedObject, Sample
from latency_bench.harness.export.image_file import opened_image
from latency_bench.harness.statistics.image_metrics import Counts

if TYPE_CHECKING:
    from latency_bench.model_specs.preparation import Preparation
    from latency_bench.model_specs.spec import ModelSpec


class FoundMask(NamedTuple):
    """What a network answers to a box: the mask that it thinks best, and the overlap that it expects of it."""

    mask: Mask
    score: float


class TrueMask(NamedTuple):
    """What it is held against."""

    mask: Mask
    object: PromptedObject


def takes_one_box(spec: ModelSpec) -> bool:
    """Whether a network's inputs are a photograph and one box, and its outputs masks with a score each."""
    if len(spec.inputs) != 2 or len(spec.outputs) != 2:
        return False
    return spec.inputs[0].is_photograph and spec.inputs[1].shape == (1, 4)


def feed(sample: Sample, spec: ModelSpec, how: Preparation) -> Fed:
    """One request an object. Raises UnusableImageError."""
    assert isinstance(sample.label, tuple)
    tensor, prompts = spec.inputs
    with opened_image(sample.image) as image:
        width, height = image.size
    masks = [TrueMask(mask_of(one.segmentation, height, width), one) for one in sample.label]
    values = image_values(sample.image, tensor, how)
    placed = placement(width, height, tensor.shape[-1], tensor.shape[-2], how.resize, how.crop_share)
    asked = Asked(Pillow(), (width, height), (tensor.shape[-1], tensor.shape[-2]), placed)
    # Boxes are in pixels of a frame that the longer side fills, whatever the image encoder is fed.
    scale = prompts.high / max(height, width)
    boxes = tuple(
        np.array(one.box, np.float32).reshape(1, 1, 4) * np.float32(scale) for one in sample.label if not one.is_crowd
    )
    names = [output.name for output in spec.outputs]

    def join(outputs: Sequence[Outputs]) -> list[FoundMask]:
        return [
            FoundMask(best_masks([one[name] for name in names], asked)[0], float(np.max(one[names[1]])))
            for one in outputs
        ]

    return Fed((values,) * len(boxes), join, masks, prompts=tuple({prompts.name: box} for box in boxes))


def overlap(found: Sequence[FoundMask], truth: Sequence[TrueMask]) -> Counts:
    """One image, its objects, and the sum of their intersections over unions."""
    shares = [(a.mask & b.mask).sum() / (a.mask | b.mask).sum() for a, b in zip(found, _prompting(truth), strict=True)]
    return np.array([1.0, len(shares), sum(shares)])


def coco_image(found: Sequence[FoundMask], truth: Sequence[TrueMask]) -> CocoImage:
    """For average precision: each mask is a detection of its object's category."""
    annotations = tuple(
        {
            "category_id": one.object.category,
            "area": float(one.mask.sum()) if one.object.area is None else one.object.area,
            "iscrowd": int(one.object.is_crowd),
            "segmentation": run_lengths(one.mask),
        }
        for one in truth
    )
    results = tuple(
        {"category_id": of.object.category, "score": one.score, "segmentation": run_lengths(one.mask)}
        for one, of in zip(found, _prompting(truth), strict=True)
    )
    height, width = truth[0].mask.shape
    return CocoImage(height, width, annotations, results)


def _prompting(truth: Sequence[TrueMask]) -> list[TrueMask]:
    return [one for one in truth if not one.object.is_crowd]
