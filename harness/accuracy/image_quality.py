"""How near an image is to another: PSNR and SSIM on the luminance Y, as papers on super-resolution state them.

The convention is that of SwinIR's evaluation (github.com/JingyunLiang/SwinIR, main_test_swinir.py and
utils/util_calculate_psnr_ssim.py, after BasicSR and MATLAB): images of 8 bits, Y of ITU-R BT.601 as MATLAB's rgb2ycbcr
has it (16 to 235, not rounded), as many pixels cut off at each border as the scale is, a peak of 255; SSIM with a
Gaussian window of 11 pixels and sigma 1.5, over the places where the window lies inside the image.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3), red, green and blue."""
MOST_DB = 100.0
"""What two equal images count with: their PSNR is infinite, and a mean over images would be too."""
WINDOW = 11
_RADIUS, _SIGMA = WINDOW // 2, 1.5
_PEAK = 255.0
_LUMINANCE = (65.481, 128.553, 24.966)


def luminance(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Y, (height, width), from 16 to 235."""
    y: npt.NDArray[np.float64] = pixels.astype(np.float64) @ np.array(_LUMINANCE) / 255.0 + 16.0
    return y


def without_border(pixels: Pixels, border: int) -> Pixels:
    """Without so many pixels at each side."""
    return pixels[border : pixels.shape[0] - border, border : pixels.shape[1] - border]


def psnr_db(a: Pixels, b: Pixels) -> float:
    """Peak signal to noise on Y, dB, at most MOST_DB."""
    error = float(np.mean((luminance(a) - luminance(b)) ** 2))
    return MOST_DB if error == 0 else min(MOST_DB, 10 * math.log10(_PEAK**2 / error))


def ssim(a: Pixels, b: Pixels) -> float:
    """Structural similarity on Y (Wang et al., IEEE TIP 13, 2004)."""
    from scipy.ndimage import gaussian_filter

    def mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = gaussian_filter(values, _SIGMA, radius=_RADIUS)
        return found[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]

    y_a, y_b = luminance(a), luminance(b)
    mean_a, mean_b = mean(y_a), mean(y_b)
    var_a, var_b = mean(y_a * y_a) - mean_a**2, mean(y_b * y_b) - mean_b**2
    covariance = mean(y_a * y_b) - mean_a * mean_b
    c1, c2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
    same = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float(np.mean(same / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))
