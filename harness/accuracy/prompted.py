"""Promptable segmentation: a network is prompted with the box of each object of an image, and the mask that it thinks
best is held against the object's own.

Images and boxes are prepared as Segment Anything's predictor does it, and masks come back to the image's size by the
code that a pipeline runs on the device (bench_worker/pipeline/answers.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_worker.pipeline.answers import Asked, best_masks
from bench_worker.pipeline.pillow import Pillow
from bench_worker.pipeline.placement import placement
from latency_bench.harness.accuracy.coco_masks import Mask, mask_of
from latency_bench.harness.accuracy.feeding import Fed, Outputs
from latency_bench.harness.accuracy.preparing import image_values
from latency_bench.harness.accuracy.samples import Sample
from latency_bench.harness.export.image_file import opened_image
from latency_bench.harness.statistics.image_metrics import Counts

if TYPE_CHECKING:
    from latency_bench.model_specs.preparation import Preparation
    from latency_bench.model_specs.spec import ModelSpec


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
    masks = [mask_of(one.segmentation, height, width) for one in sample.label]
    values = image_values(sample.image, tensor, how)
    placed = placement(width, height, tensor.shape[-1], tensor.shape[-2], how.resize, how.crop_share)
    asked = Asked(Pillow(), (width, height), (tensor.shape[-1], tensor.shape[-2]), placed)
    # Boxes are in pixels of a frame that the longer side fills, whatever the image encoder is fed.
    scale = prompts.high / max(height, width)
    boxes = tuple(np.array(one.box, np.float32).reshape(1, 1, 4) * np.float32(scale) for one in sample.label)
    names = [output.name for output in spec.outputs]

    def join(outputs: Sequence[Outputs]) -> list[Any]:
        return [best_masks([one[name] for name in names], asked)[0] for one in outputs]

    return Fed((values,) * len(boxes), join, masks, prompts=tuple({prompts.name: box} for box in boxes))


def overlap(found: Sequence[Mask], masks: Sequence[Mask]) -> Counts:
    """One image, its objects, and the sum of their intersections over unions."""
    shares = [(a & b).sum() / (a | b).sum() for a, b in zip(found, masks, strict=True)]
    return np.array([1.0, len(shares), sum(shares)])
