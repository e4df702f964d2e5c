"""The metrics of counts over images, told by the names of the counts.

Each metric is a function of sums over images. Classifiers: the share of right images. Super-resolution: the mean of
what each image has. Segmentation: intersections and
unions by class over all images, divided, and the mean over the classes that occur (Cordts et al., CVPR 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
Metrics = Callable[[Counts], dict[str, Counts]]
"""Of the sums of rows, or of several such sums, one a row."""

OF_CLASSIFIERS = ("images", "top-1", "top-5")
OF_FEW_CLASSES = ("images", "top-1")
"""Of classifiers whose five best are all that there are."""
OF_SUPER_RESOLUTION = ("images", "PSNR", "SSIM")
OF_PROMPTED = ("images", "objects", "overlap")
OF_DETECTORS = ("images", "objects", "detected")
UNITS = {"PSNR": "dB", "SSIM": ""}
"""Of metrics that are no per cent."""


def of_segmentation(classes: int) -> tuple[str, ...]:
    """Names of the counts of an image."""
    names = (f"{what} {number}" for what in ("intersection", "union") for number in range(classes))
    return ("images", *names, "pixels", "right pixels")


def metrics_of(columns: Sequence[str]) -> Metrics:
    """The metrics, in per cent or as UNITS says, that counts of these names have. Raises ValueError for names that no
    metric is of."""
    names = tuple(columns)
    if names in (OF_CLASSIFIERS, OF_FEW_CLASSES, OF_SUPER_RESOLUTION):
        return lambda sums: _means(sums, names)
    if names == OF_PROMPTED:
        return lambda sums: {"mask mIoU": 100 * sums[..., 2] / np.maximum(sums[..., 1], 1)}
    if names == OF_DETECTORS:
        return lambda sums: {"recall at 0.5": 100 * sums[..., 2] / np.maximum(sums[..., 1], 1)}
    classes = (len(names) - 3) // 2
    if classes > 0 and names == of_segmentation(classes):
        return lambda sums: _overlaps(sums, classes)
    raise ValueError(f"no metric is known of counts of {', '.join(names[:4])}, ...")


def _means(sums: Counts, names: Sequence[str]) -> dict[str, Counts]:
    return {
        name: (1 if name in UNITS else 100) * sums[..., place] / sums[..., 0]
        for place, name in enumerate(names)
        if place
    }


def _overlaps(sums: Counts, classes: int) -> dict[str, Counts]:
    same, either = sums[..., 1 : 1 + classes], sums[..., 1 + classes : 1 + 2 * classes]
    seen = either > 0
    share = np.where(seen, same / np.where(seen, either, 1), 0)
    return {
        "mIoU": 100 * share.sum(-1) / np.maximum(seen.sum(-1), 1),
        "pixel accuracy": 100 * sums[..., -1] / np.maximum(sums[..., -2], 1),
    }
