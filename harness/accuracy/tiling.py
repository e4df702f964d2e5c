"""An image of any size through a network whose input has one: in tiles that overlap, as SwinIR's evaluation does it
(github.com/JingyunLiang/SwinIR, main_test_swinir.py: --tile, --tile_overlap 32, averages where tiles overlap, mirror
images where the image is too small)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

OVERLAP = 32
"""Pixels of the input that neighbouring tiles have in common at least, where the input has so many twice."""


@dataclass(frozen=True)
class Tiling:
    """How an image of `height` x `width` goes through inputs of `tile_height` x `tile_width`. Places are (top, left) in
    the padded image."""

    height: int
    width: int
    tile_height: int
    tile_width: int

    @property
    def places(self) -> list[tuple[int, int]]:
        return [
            (top, left)
            for top in _starts(max(self.height, self.tile_height), self.tile_height)
            for left in _starts(max(self.width, self.tile_width), self.tile_width)
        ]

    def cut(self, pixels: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
        """`pixels` (height, width, 3) as tiles (tile_height, tile_width, 3)."""
        below, right = max(0, self.tile_height - self.height), max(0, self.tile_width - self.width)
        padded = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")
        return [padded[top : top + self.tile_height, left : left + self.tile_width] for top, left in self.places]

    def joined(self, outputs: Sequence[npt.NDArray[np.float32]], scale: int) -> npt.NDArray[np.float64]:
        """The tiles' outputs (1, channels, tile_height * scale, tile_width * scale) as (channels, height * scale,
        width * scale): their mean where several lie."""
        channels = outputs[0].shape[1]
        height, width = (
            max(sizes) * scale for sizes in ((self.height, self.tile_height), (self.width, self.tile_width))
        )
        sums, counts = np.zeros((channels, height, width)), np.zeros((height, width))
        for (top, left), output in zip(self.places, outputs, strict=True):
            rows, columns = (
                slice(first * scale, (first + size) * scale)
                for first, size in ((top, self.tile_height), (left, self.tile_width))
            )
            sums[:, rows, columns] += output[0]
            counts[rows, columns] += 1
        joined: npt.NDArray[np.float64] = (sums / counts)[:, : self.height * scale, : self.width * scale]
        return joined


def _starts(size: int, tile: int) -> list[int]:
    step = tile - min(OVERLAP, tile // 2)
    return [*range(0, size - tile, step), size - tile]
