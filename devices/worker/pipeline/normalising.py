"""Pixels of 8 bits into the array that a request copies from, in its type and layout."""

from typing import Tuple

import numpy as np


class Normalising:
    """(pixel / 255 - mean) / std as one multiplication and one subtraction a value, in float32 as the file takes it.
    An input of bytes takes the pixels as they are."""

    def __init__(self, mean: Tuple[float, ...], std: Tuple[float, ...]) -> None:
        means, stds = np.array(mean, np.float64), np.array(std, np.float64)
        self._scale = (1.0 / (255.0 * stds)).astype(np.float32)
        self._shift = (means / stds).astype(np.float32)
        self._zero_pixel = np.clip(np.floor(means * 255.0 + 0.5), 0, 255).astype(np.uint8)
        """Nearest to 0 in normalised values."""

    def fill(self, slot: "np.ndarray", pixels: "np.ndarray", channels_last: bool) -> None:
        """`slot`: one image of an input, (3, height, width) or with the channels last. `pixels`: uint8 (height, width,
        3), of at most that size; what they leave is zero in normalised values."""
        height, width = pixels.shape[:2]
        whole = slot.shape[:2] if channels_last else slot.shape[1:]
        if (height, width) != tuple(whole):
            self._clear(slot, channels_last)
        if channels_last:
            self._fill_last(slot[:height, :width], pixels)
        else:
            self._fill_first(slot[:, :height, :width], pixels)

    def _fill_last(self, slot: "np.ndarray", pixels: "np.ndarray") -> None:
        if slot.dtype == np.uint8:
            slot[...] = pixels
            return
        np.multiply(pixels, self._scale, out=slot, casting="same_kind")
        np.subtract(slot, self._shift, out=slot, casting="same_kind")

    def _fill_first(self, slot: "np.ndarray", pixels: "np.ndarray") -> None:
        if slot.dtype == np.uint8:
            slot[...] = pixels.transpose(2, 0, 1)
            return
        for channel in range(len(slot)):
            np.multiply(pixels[..., channel], self._scale[channel], out=slot[channel], casting="same_kind")
            np.subtract(slot[channel], self._shift[channel], out=slot[channel], casting="same_kind")

    def _clear(self, slot: "np.ndarray", channels_last: bool) -> None:
        if slot.dtype != np.uint8:
            slot[...] = 0
        elif channels_last:
            slot[...] = self._zero_pixel
        else:
            slot[...] = self._zero_pixel[:, None, None]
