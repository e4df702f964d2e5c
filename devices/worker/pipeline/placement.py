"""Where the pixels of an image go: the size that it is resized to, and what of that is cut out."""

import math
from typing import NamedTuple, Optional, Tuple

from ..failure import bad_request

RESIZES = ("crop", "stretch", "pad", "tiles")
"""As model_specs/preparation.py says them."""
INTERPOLATIONS = ("bilinear", "bicubic")
CHANNELS = ("rgb", "bgr")
"""Their order in an input."""


class Preparing(NamedTuple):
    """`crop_share` is for `crop` alone; `mean` and `std` are for light in [0, 1], by channel."""

    resize: str
    crop_share: Optional[float]
    interpolation: str
    mean: Tuple[float, ...]
    std: Tuple[float, ...]


class Placement(NamedTuple):
    """The image is resized to `width` x `height`; then, at (left, top) of it, what the input has room for is cut out.
    Where it is smaller than the input, it lies in the input's upper left corner."""

    width: int
    height: int
    left: int
    top: int


def placement(
    image_width: int, image_height: int, width: int, height: int, resize: str, crop_share: Optional[float] = None
) -> Placement:
    """Of an image in an input of `width` x `height` pixels.

    Raises WorkerError (bad-request) for an image of another size where nothing may be resized (`tiles`).
    """
    if resize == "stretch":
        return Placement(width, height, 0, 0)
    if resize == "pad":
        scale = min(width / image_width, height / image_height)
        # Half a pixel and more is a whole one, as Segment Anything's predictor has it.
        return Placement(_at_least_one(image_width * scale), _at_least_one(image_height * scale), 0, 0)
    if resize == "tiles":
        if (image_width, image_height) != (width, height):
            raise bad_request(
                "the photograph has %d x %d pixels and the input %d x %d, and nothing is resized for this model"
                % (image_width, image_height, width, height),
                "bring a photograph of the input's size, or choose --resolution to be the photograph's",
            )
        return Placement(width, height, 0, 0)
    needed = math.ceil(min(height, width) / (crop_share or 1.0))
    scale = needed / min(image_width, image_height)
    large_width, large_height = max(width, round(image_width * scale)), max(height, round(image_height * scale))
    return Placement(large_width, large_height, round((large_width - width) / 2), round((large_height - height) / 2))


def _at_least_one(size: float) -> int:
    return max(1, int(size + 0.5))
