"""Average precision as COCO defines it (cocodataset.org/#detection-eval): what was found in the images goes through
pycocotools' own evaluation."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from latency_bench.harness.statistics.average_precision import CategoryDetections, drawn_precisions, number_of_draws
from latency_bench.harness.statistics.image_bootstrap import Sureness, interval_of

if TYPE_CHECKING:
    from pycocotools.cocoeval import COCOeval

Region = Literal["segm", "bbox"]
"""What overlaps: masks, or boxes."""
_THRESHOLDS = {"AP50": 0.5, "AP75": 0.75}
_PER_CENT = 100.0


@dataclass(frozen=True)
class CocoImage:
    """What an image shows, and what a network found in it, both as COCO's JSON writes them, without ids. Sizes are in
    pixels."""

    height: int
    width: int
    annotations: tuple[Mapping[str, Any], ...]
    """Each with category_id, area and iscrowd, and segmentation (compressed run lengths) or bbox."""
    results: tuple[Mapping[str, Any], ...]
    """Each with category_id and score, and segmentation or bbox."""


def average_precisions(images: Sequence[CocoImage], region: Region, seed: int = 0) -> dict[str, Sureness]:
    """AP, AP50, AP75 and AP of small, medium and large objects, in per cent, of the ranges that have objects. AP is no
    mean over images: of every draw of images it is computed anew from how each detection was matched."""
    evaluation = evaluated(images, region)
    at = {name: int(np.argmin(np.abs(evaluation.params.iouThrs - value))) for name, value in _THRESHOLDS.items()}
    found: dict[str, Sureness] = {}
    for place, label in enumerate(evaluation.params.areaRngLbl):
        categories = list(_categories(evaluation, place))
        precision = evaluation.eval["precision"][:, :, :, place, -1]
        if not (precision > -1).any():
            continue
        drawn = drawn_precisions(categories, len(images), number_of_draws(categories), seed)
        names: dict[str, Any] = {"AP" if label == "all" else f"AP {label}": slice(None)}
        if label == "all":
            names |= {name: slice(threshold, threshold + 1) for name, threshold in at.items()}
        for name, thresholds in names.items():
            chosen = precision[thresholds]
            ends = interval_of(drawn[:, thresholds].mean(axis=1))
            found[name] = Sureness(*(_PER_CENT * float(one) for one in (chosen[chosen > -1].mean(), *ends)))
    return found


def evaluated(images: Sequence[CocoImage], region: Region) -> COCOeval:
    """pycocotools' evaluation of all the images, accumulated."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, found = COCO(), COCO()
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it is doing
        truth.dataset = _data_set(images, [one.annotations for one in images])
        found.dataset = _data_set(images, [one.results for one in images])
        truth.createIndex()
        found.createIndex()
        evaluation = COCOeval(truth, found, region)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _data_set(images: Sequence[CocoImage], entries: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """`entries`: of each image. Ids begin at 1: to the evaluation a match with 0 is none."""
    categories = {entry["category_id"] for one in images for entry in (*one.annotations, *one.results)}
    listed: list[dict[str, Any]] = []
    for image_id, of_image in enumerate(entries, 1):
        for entry in of_image:
            listed.append({"iscrowd": 0, "area": _area(entry), **entry, "image_id": image_id, "id": len(listed) + 1})
    return {
        "images": [{"id": place, "height": one.height, "width": one.width} for place, one in enumerate(images, 1)],
        "categories": [{"id": category} for category in sorted(categories)],
        "annotations": listed,
    }


def _area(entry: Mapping[str, Any]) -> float:
    """Of what was found, as pycocotools takes it."""
    from pycocotools import mask as coco_mask

    if "segmentation" in entry:
        return float(coco_mask.area(entry["segmentation"]))
    _, _, width, height = entry["bbox"]
    return float(width * height)


def _categories(evaluation: COCOeval, area: int) -> Iterator[CategoryDetections]:
    """How the detections of each category were matched, for objects of one range of areas."""
    images, ranges = len(evaluation.params.imgIds), len(evaluation.params.areaRng)
    for place in range(len(evaluation.params.catIds)):
        start = (place * ranges + area) * images
        yield _detections(evaluation.evalImgs[start : start + images], len(evaluation.params.iouThrs))


def _detections(matched: Sequence[Mapping[str, Any] | None], thresholds: int) -> CategoryDetections:
    """`matched`: an entry an image, None where it has nothing of the category."""
    objects = np.array([0 if one is None else int((np.asarray(one["gtIgnore"]) == 0).sum()) for one in matched])
    present = [(place, one) for place, one in enumerate(matched) if one is not None and len(one["dtScores"])]
    scores = np.array([score for _, one in present for score in one["dtScores"]], dtype=np.float64)
    image = np.array([place for place, one in present for _ in one["dtScores"]], dtype=np.int64)
    empty = np.empty((thresholds, 0), bool)
    is_matched = np.concatenate([empty, *(one["dtMatches"] > 0 for _, one in present)], axis=1)
    counts = ~np.concatenate([empty, *(np.asarray(one["dtIgnore"], bool) for _, one in present)], axis=1)
    order = np.argsort(-scores, kind="mergesort")
    # What is ignored at every threshold, as an object of another size is, changes nothing.
    order = order[counts[:, order].any(axis=0)]
    return CategoryDetections(image[order], (is_matched & counts)[:, order], (~is_matched & counts)[:, order], objects)
