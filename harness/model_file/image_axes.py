"""Which sizes of a tensor are an image's height and width: a guess for labels, which changes nothing that is fed."""

from __future__ import annotations

from collections.abc import Sequence

_CHANNELS = (1, 3, 4)
"""Of images: grey, colour, colour with a mask."""
IMAGE_RANK = 4


def is_image_rank(shape: Sequence[object]) -> bool:
    return len(shape) == IMAGE_RANK


def height_and_width(shape: Sequence[int], channels_last: bool) -> tuple[int, int] | None:
    """Of a tensor that may be an image: four dimensions, or three with the channels last. `channels_last` decides where
    the sizes do not. None for any other tensor."""
    if len(shape) == IMAGE_RANK:
        first, last = shape[1] in _CHANNELS, shape[3] in _CHANNELS
        last_it_is = last if first != last else channels_last
        return (shape[1], shape[2]) if last_it_is else (shape[2], shape[3])
    if len(shape) == IMAGE_RANK - 1 and shape[2] in _CHANNELS and shape[0] not in _CHANNELS:
        return shape[0], shape[1]
    return None


def resolution_of(shapes: Sequence[Sequence[int]], channels_last: bool) -> tuple[int, int]:
    """(height, width) of the first input that may be an image, else the last two sizes of the first input; (1, n) of a
    flat one, (1, 1) where there is none."""
    for shape in shapes:
        if size := height_and_width(shape, channels_last):
            return size
    first = [1, 1, *(shapes[0] if shapes else ())]
    return first[-2], first[-1]
