"""From an image file to the values that a model is fed, as its spec's preparation says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench_worker.pipeline.pillow import Pillow
from bench_worker.pipeline.placement import placement
from latency_bench.harness.accuracy.feeding import Values, as_values
from latency_bench.harness.accuracy.stated import StatedPreparation
from latency_bench.harness.export.image_file import UnusableImageError, opened_image
from latency_bench.model_specs.preparation import Preparation
from latency_bench.model_specs.spec import InputSpec

_EXIF_ORIENTATION = 0x0112
_MOST_RESIZED_PIXELS = 89_478_485
"""As many as Pillow reads of a file without a warning. One row of 60,000 pixels would become 3.4 thousand million."""


def image_values(path: Path, tensor: InputSpec, how: Preparation) -> Values:
    """The image prepared as a pipeline prepares it (bench_worker/pipeline). Raises UnusableImageError."""
    pillow = Pillow()
    height, width = tensor.shape[-2:]
    with opened_image(path) as image:
        placed = placement(image.width, image.height, width, height, how.resize, how.crop_share)
        if placed.width * placed.height > _MOST_RESIZED_PIXELS:
            raise UnusableImageError("so long and narrow that it has more pixels than are read once it is resized")
        resized = pillow.resized(image.convert("RGB"), placed.width, placed.height, how.interpolation)
        cut = pillow.cut(resized, placed.left, placed.top, min(width, placed.width), min(height, placed.height))
        pixels = pillow.pixels(cut)
        if isinstance(how, StatedPreparation) and how.channels == "bgr":
            pixels = pixels[..., ::-1]
        return as_values(pixels, tensor)


def is_turned(path: Path) -> bool:
    """Whether the file says in its EXIF data that it is shown turned; evaluations do not turn it, nor is it here."""
    try:
        with opened_image(path) as image:
            return image.getexif().get(_EXIF_ORIENTATION, 1) not in (0, 1)
    except UnusableImageError:  # what is wrong with it is said where it is read
        return False


def require_same_proportions(label: npt.NDArray[np.uint8], path: Path) -> None:
    """Of a label (height, width) and its image, which may be of another size. Raises UnusableImageError."""
    with opened_image(path) as image:
        width, height = image.size
    label_height, label_width = label.shape
    # A size is rounded to a pixel where both were made smaller.
    if abs(label_width * height - label_height * width) > width + height:
        words = f"its label is {label_width}x{label_height} pixels, and the image {width}x{height}"
        raise UnusableImageError(f"{words}: the label of another image")


def label_values(path: Path) -> npt.NDArray[np.uint8]:
    """An image of classes, (height, width). Raises UnusableImageError."""
    if not path.is_file():
        raise UnusableImageError("its label image is missing")
    try:
        with opened_image(path, ("PNG", "BMP", "TIFF")) as image:
            if image.mode not in ("L", "P", "1"):
                raise UnusableImageError(f"mode {image.mode}, and not one channel of 8 bits")
            return np.asarray(image if image.mode != "1" else image.convert("L"), dtype=np.uint8)
    except UnusableImageError as error:
        raise UnusableImageError(f"the label cannot be used: {error}") from None
