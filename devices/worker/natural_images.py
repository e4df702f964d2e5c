"""Images with what photographs have and noise has not: edges, smooth areas, a spectrum that falls with frequency, and
areas that are black or burnt out.

Dead leaves: opaque discs whose radii follow r^-3 cover one another, which is how the statistics of photographs come
about (Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 41, 2001). Each leaf has a colour, a slope of
light and its share of a texture, which is noise in octaves whose amplitude halves with the wavelength (1/f). The light
is stretched beyond black and white, so that some of the image is saturated, and kept in 256 steps as files keep it.

Host and device have to make the same bytes: so there are sums, products, square roots and roundings, which IEEE 754
defines exactly, and no transform, logarithm or sum over many values, whose last bit depends on the library.
"""

from typing import Tuple

import numpy as np

_LEAVES = 300
_SMALLEST_SHARE = 1.0 / 64
_LARGEST_SHARE = 0.5
"""Radii over the image's shorter side."""
_CONTRAST = 1.7
"""Light beyond 0 and 1 is cut off there: a tenth of an image or so."""
_LARGEST_OCTAVE = 7
_TEXTURE = 0.35
_SLOPE = 0.3


def natural_image(channels: int, height: int, width: int, random: "np.random.RandomState") -> "np.ndarray":
    """Light in [0, 1], a multiple of 1/255, float64 (channels, height, width). A photograph has three channels."""
    light, texture_share = _leaves(channels, height, width, random)
    light += (_TEXTURE * texture_share) * _texture(height, width, random)
    light -= 0.5
    light *= _CONTRAST
    light += 0.5
    np.clip(light, 0.0, 1.0, out=light)
    return np.floor(light * 255.0 + 0.5) / 255.0


def _leaves(
    channels: int, height: int, width: int, random: "np.random.RandomState"
) -> Tuple["np.ndarray", "np.ndarray"]:
    """Colours (channels, height, width), and the share of texture (height, width)."""
    light = np.full((channels, height, width), 0.5)
    texture_share = np.full((height, width), 1.0)
    shorter = min(height, width)
    low, high = shorter * _SMALLEST_SHARE, shorter * _LARGEST_SHARE
    rows, columns = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    for _ in range(_LEAVES):
        place, shade = random.random_sample(4), random.random_sample(channels)
        # P(R > r) ~ r^-2, cut off at both ends.
        share = place[0]
        radius = 1.0 / np.sqrt(share / (low * low) + (1.0 - share) / (high * high))
        y, x = place[1] * height, place[2] * width
        top, bottom = max(0, int(y - radius)), min(height, int(y + radius) + 2)
        left, right = max(0, int(x - radius)), min(width, int(x + radius) + 2)
        dy, dx = rows[top:bottom, None] - y, columns[None, left:right] - x
        inside = dy * dy + dx * dx <= radius * radius
        # One light for all channels, and a tint: channels of photographs are alike.
        slope = (_SLOPE / radius) * ((place[3] - 0.5) * dx + (0.5 - shade[0]) * dy)
        for channel in range(channels):
            colour = 0.7 * place[3] + 0.3 * shade[channel]
            np.copyto(light[channel, top:bottom, left:right], colour + slope, where=inside)
        np.copyto(texture_share[top:bottom, left:right], shade[-1], where=inside)
    return light, texture_share


def _texture(height: int, width: int, random: "np.random.RandomState") -> "np.ndarray":
    """Noise in octaves, about -1 to 1, (height, width): each is a grid of random values with lines in between."""
    texture = np.zeros((height, width))
    amplitude = 0.5
    for octave in range(_LARGEST_OCTAVE, -1, -1):
        step = 1 << octave
        grid = random.random_sample((height // step + 2, width // step + 2)) * 2.0 - 1.0
        across, part = _between(width, step)
        lines = grid[:, across] * (1.0 - part) + grid[:, across + 1] * part
        down, part = _between(height, step)
        part = part[:, None]
        texture += amplitude * (lines[down] * (1.0 - part) + lines[down + 1] * part)
        amplitude *= 0.5
    return texture


def _between(size: int, step: int) -> Tuple["np.ndarray", "np.ndarray"]:
    """The grid point before each of `size` places, and how far it is to the next."""
    places = np.arange(size)
    return places // step, (places % step) / float(step)
