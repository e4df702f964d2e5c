"""The mask of an object, as COCO's annotations write it: polygons, or run lengths column by column."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from latency_bench.harness.export.image_file import UnusableImageError

Mask = npt.NDArray[np.bool_]
_LARGEST_PLACE = 1e6


def mask_of(segmentation: str, height: int, width: int) -> Mask:
    """(height, width), from the JSON of a segmentation. Raises UnusableImageError."""
    content = json.loads(segmentation)
    mask = (
        _of_run_lengths(content, height, width) if isinstance(content, dict) else _of_polygons(content, height, width)
    )
    if not mask.any():
        raise UnusableImageError("a mask in its annotations is empty")
    return mask


def run_lengths(mask: Mask) -> dict[str, Any]:
    """As COCO's results have a mask: `size` and compressed `counts`."""
    from pycocotools import mask as coco_mask

    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(size) for size in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def _of_polygons(polygons: list[Any], height: int, width: int) -> Mask:
    """By pycocotools, whose rasterising is the one that COCO's numbers rest on."""
    from pycocotools import mask as coco_mask

    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2 or not all(map(_is_place, polygon)):
            raise UnusableImageError("a polygon in its annotations is not a list of three or more points")
    runs = coco_mask.frPyObjects([[float(place) for place in polygon] for polygon in polygons], height, width)
    return np.asarray(coco_mask.decode(coco_mask.merge(runs)), dtype=np.bool_)


def _is_place(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and abs(value) <= _LARGEST_PLACE


def _of_run_lengths(content: dict[str, Any], height: int, width: int) -> Mask:
    counts, size = content.get("counts"), content.get("size")
    if isinstance(counts, str):
        raise UnusableImageError(
            "the run lengths in its annotations are compressed, and only plain lists of them are read"
        )
    if not isinstance(counts, list) or not all(type(one) is int and 0 <= one <= height * width for one in counts):
        raise UnusableImageError("the run lengths in its annotations are not a list of whole numbers")
    if size != [height, width] or sum(counts) != height * width:
        raise UnusableImageError("the run lengths in its annotations are for an image of another size")
    runs = np.arange(len(counts)) % 2 == 1
    mask: Mask = np.repeat(runs, counts).reshape(width, height).T
    return mask
