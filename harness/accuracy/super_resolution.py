"""Super-resolution: the low-resolution image goes through the network as it is, and what comes out is held against the
image of high resolution."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from latency_bench.harness.accuracy.feeding import Fed, Outputs, as_values, only
from latency_bench.harness.accuracy.image_quality import WINDOW, Pixels, psnr_db, ssim, without_border
from latency_bench.harness.accuracy.samples import Sample
from latency_bench.harness.accuracy.super_resolution_sets import scale_of
from latency_bench.harness.accuracy.tiling import Tiling
from latency_bench.harness.export.image_file import UnusableImageError, opened_image
from latency_bench.harness.statistics.image_metrics import Counts

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec


def feed(sample: Sample, spec: ModelSpec) -> Fed:
    """The tiles of a sample's low-resolution image, and the part of the other image that the output has to be. Raises
    UnusableImageError."""
    scale, tensor = scale_of(spec), spec.inputs[0]
    low, high = _images(sample, scale)
    height, width = low.shape[:2]
    label = None if high is None else high[: height * scale, : width * scale]
    if label is not None and label.shape[:2] != (height * scale, width * scale):
        raise UnusableImageError(f"the image of high resolution is smaller than {scale} times that of low resolution")
    if min(height, width) * scale < 2 * scale + WINDOW:
        raise UnusableImageError("too small: nothing is left of it without its border")
    tiling = Tiling(height, width, tensor.shape[-2], tensor.shape[-1])
    values = tuple(as_values(tile, tensor) for tile in tiling.cut(low))

    def join(outputs: Sequence[Outputs]) -> Pixels:
        return _as_pixels(tiling.joined([only(one) for one in outputs], scale))

    return Fed(values, join, label)


def quality(scale: int, output: np.ndarray, label: np.ndarray) -> Counts:
    """One image, its PSNR and its SSIM. A mean over images that came out worse than unrelated is no quality: a negative
    SSIM counts as 0."""
    a, b = without_border(output, scale), without_border(label, scale)
    return np.array([1.0, psnr_db(a, b), max(0.0, ssim(a, b))])


def down_sampled(high: Pixels, scale: int) -> Pixels:
    """Bicubically, as MATLAB's imresize does it but for the outermost pixels: Pillow's filter has the same kernel
    (a = -0.5, as much wider as the image shrinks), and takes what lies beyond the border for absent, not mirrored."""
    from PIL import Image

    height, width = (size // scale for size in high.shape[:2])
    small = Image.fromarray(high).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(small)


def _images(sample: Sample, scale: int) -> tuple[Pixels, Pixels | None]:
    """Of low and of high resolution; None where there is no image to be held against."""
    if not isinstance(sample.label, Path):
        return _pixels(sample.image), None
    try:
        high = _pixels(sample.label)
    except UnusableImageError as error:
        raise UnusableImageError(f"the image of high resolution cannot be used: {error}") from None
    if sample.image != sample.label:
        return _pixels(sample.image), high
    # Sizes that are no multiples lose what is too much, at the right and at the bottom.
    height, width = (size - size % scale for size in high.shape[:2])
    if min(height, width) == 0:
        raise UnusableImageError("too small to be reduced")
    whole = high[:height, :width]
    return down_sampled(whole, scale), whole


def _pixels(path: Path) -> Pixels:
    with opened_image(path) as image:
        return np.asarray(image.convert("RGB"))


def _as_pixels(light: npt.NDArray[np.float64]) -> Pixels:
    """(3, height, width) in [0, 1] as 8 bits, to the nearest."""
    pixels: Pixels = np.rint(np.clip(light, 0.0, 1.0) * 255.0).astype(np.uint8).transpose(1, 2, 0)
    return pixels
