"""PSNR and SSIM on Y, down-sampling and tiles against the definitions, written out plainly, on random data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from latency_bench.harness.accuracy.image_quality import MOST_DB, luminance, psnr_db, ssim, without_border
from latency_bench.harness.accuracy.super_resolution import down_sampled
from latency_bench.harness.accuracy.tiling import OVERLAP, Tiling


def pixels(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth shapes with some noise, as photographs have."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x * random.uniform(0.05, 0.4) + y * random.uniform(0.05, 0.4)) for _ in range(3)]
    light = 0.5 + 0.35 * np.stack(waves, axis=-1) + 0.05 * random.standard_normal((height, width, 3))
    return (np.clip(light, 0, 1) * 255).astype(np.uint8)


def worse(image: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.RandomState(seed).normal(0, 12, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def windowed_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. (2004) as MATLAB's ssim.m and SwinIR's code have it: an 11 x 11 Gaussian, sigma 1.5, valid places."""
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / np.outer(line, line).sum()

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("ijkl,kl->ij", np.lib.stride_tricks.sliding_window_view(values, window.shape), window)

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b, both = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2, mean(a * b) - mean_a * mean_b
    similarity = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((similarity / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


@pytest.mark.parametrize("seed", range(3))
def test_psnr_and_ssim_are_those_of_the_convention(seed: int) -> None:
    a, b = (without_border(one, 2) for one in (pixels(seed), worse(pixels(seed), seed + 9)))
    assert a.shape == (44, 60, 3)
    y_a, y_b = (one @ np.array([65.481, 128.553, 24.966]) / 255 + 16 for one in (a.astype(float), b.astype(float)))
    assert luminance(a) == pytest.approx(y_a)
    assert psnr_db(a, b) == pytest.approx(20 * np.log10(255 / np.sqrt(((y_a - y_b) ** 2).mean())))
    assert ssim(a, b) == pytest.approx(windowed_ssim(y_a, y_b), abs=1e-6)
    assert 0.3 < ssim(a, b) < 0.98, "data worth testing with"


def test_ends_of_the_scales() -> None:
    a = pixels(0)
    assert psnr_db(a, a) == MOST_DB
    assert ssim(a, a) == pytest.approx(1)
    black, white = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)
    assert luminance(black).max() == 16
    assert luminance(white).min() == pytest.approx(235)


def matlab_weights(size: int, scale: int) -> np.ndarray:
    """(size / scale, size): imresize's bicubic kernel, a = -0.5, widened by the scale, mirrored at the borders."""

    def kernel(x: np.ndarray) -> np.ndarray:
        x = np.abs(x)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return np.where(x <= 1, near, np.where(x <= 2, far, 0))

    weights = np.zeros((size // scale, size))
    for row in range(size // scale):
        centre = (row + 0.5) * scale - 0.5
        for place in range(int(centre) - 2 * scale - 1, int(centre) + 2 * scale + 2):
            mirrored = -place - 1 if place < 0 else 2 * size - 1 - place if place >= size else place
            weights[row, mirrored] += kernel(np.array((centre - place) / scale)) / scale
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("scale", [2, 3])
def test_images_are_reduced_as_matlab_does_it(scale: int) -> None:
    high = pixels(4, 48, 60)
    rows, columns = matlab_weights(48, scale), matlab_weights(60, scale)
    expected = np.einsum("ij,jkc,lk->ilc", rows, high.astype(float), columns)
    found = down_sampled(high, scale)
    inside = (slice(2, -2), slice(2, -2))
    assert np.abs(found[inside] - np.clip(expected, 0, 255)[inside]).max() <= 1.0
    assert np.abs(found.astype(float) - np.clip(expected, 0, 255)).mean() < 1


@pytest.mark.parametrize(("height", "width"), [(40, 56), (40, 150), (131, 97), (17, 20), (40, 20)])
def test_tiles_cover_an_image_and_make_it_again(height: int, width: int) -> None:
    image = pixels(1, height, width)
    tiling = Tiling(height, width, 40, 56)
    tiles = tiling.cut(image)
    assert {tile.shape for tile in tiles} == {(40, 56, 3)}
    assert len(tiles) == 1 or (height > 40 or width > 56)
    # A network that enlarges by repeating pixels gives the enlarged image, whatever the tiles.
    outputs = [tile.transpose(2, 0, 1)[None].repeat(2, 2).repeat(2, 3).astype(np.float32) for tile in tiles]
    joined = tiling.joined(outputs, 2)
    np.testing.assert_array_equal(joined, image.transpose(2, 0, 1).repeat(2, 1).repeat(2, 2))


def test_tiles_overlap() -> None:
    places = Tiling(100, 100, 100, 80).places
    assert places == [(0, 0), (0, 20)]
    lefts = [left for _, left in Tiling(80, 400, 80, 80).places]
    assert all(b - a <= 80 - OVERLAP for a, b in itertools.pairwise(lefts))
