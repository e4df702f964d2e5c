"""The natural image has what photographs have, and is the same bytes everywhere."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from bench_worker.failure import WorkerError
from bench_worker.inputs import generate
from bench_worker.job import InputTensor, parse_job
from bench_worker.natural_images import natural_image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NATURAL = InputTensor("image", (2, 3, 40, 56), "float32", "NCHW", "natural", 0.0, 1.0, 7, mean=MEAN, std=STD)


def test_the_bytes_do_not_depend_on_the_machine() -> None:
    light = natural_image(3, 40, 56, np.random.RandomState(7))
    steps = np.rint(light * 255).astype(np.uint8)
    assert np.array_equal(steps / 255.0, light)
    assert (
        hashlib.sha256(steps.tobytes()).hexdigest()
        == "6f0720d22be7ee085a3dfa7146881a001f77e1d5691351385bc0a8af64b76701"
    )


def test_the_batch_holds_different_images_normalised_by_channel() -> None:
    values = generate(NATURAL)
    light = values * np.reshape(STD, (3, 1, 1)) + np.reshape(MEAN, (3, 1, 1))
    assert values.dtype == np.float32
    assert light.min() > -1e-6
    assert light.max() < 1 + 1e-6
    assert np.abs(light * 255 - np.rint(light * 255)).max() < 1e-3
    assert np.abs(values[0] - values[1]).mean() > 0.2


@pytest.mark.parametrize("seed", range(4))
def test_it_has_edges_smooth_areas_saturation_and_a_falling_spectrum(seed: int) -> None:
    light = natural_image(3, 256, 256, np.random.RandomState(seed))
    black, white = float((light == 0).mean()), float((light == 1).mean())
    assert 0.005 < black < 0.4
    assert 0.005 < white < 0.4
    steps = np.abs(np.diff(light.mean(0), axis=1))
    assert np.median(steps) < 0.01
    assert (steps > 0.1).mean() > 0.002
    # Amplitude ~ 1/f^a: a is about 1 for photographs and 0 for noise.
    window = np.outer(np.hanning(256), np.hanning(256))
    grey = light.mean(0)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    low, high = ((frequency > f) & (frequency < 2 * f) for f in (1 / 64, 1 / 8))
    exponent = np.log(power[low].mean() / power[high].mean()) / np.log(8) / 2
    assert 0.7 < exponent < 1.7


def _job(**changes: Any) -> dict[str, Any]:
    bounds = {"min_count": 1, "max_count": 1, "min_ns": 0, "max_ns": 1}
    image = {"name": "image", "shape": [1, 3, 8, 8], "distribution": "natural", "mean": [0, 0, 0], "std": [1, 1, 1]}
    check = {"inputs": [{**image, **changes}], "write_outputs": "outputs-natural.npz"}
    return {
        "version": 1,
        "runtime": "torch",
        "artifact": "model.pt2",
        "inputs": [{"name": "image", "shape": [1, 3, 8, 8]}],
        "warmup": {**bounds, "window": 0},
        "sampling": bounds,
        "checks": [check],
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dtype": "int32"}, "natural gives no int32"),
        ({"shape": [1, 3, 8]}, "an image has 4 dimensions"),
        ({"std": [1, 1]}, "std: 2 numbers for 3 channels"),
        ({"std": [1, 1, 0]}, "expected more than 0"),
        ({"mean": [1, "x", 0]}, "a list of finite numbers"),
    ],
)
def test_a_check_that_cannot_be_is_refused_by_its_field(changes: dict[str, Any], words: str) -> None:
    assert parse_job(_job(), "/jobs").checks[0].write_outputs == "/jobs/outputs-natural.npz"
    with pytest.raises(WorkerError, match=words) as refused:
        parse_job(_job(**changes), "/jobs")
    assert "checks[0].inputs[0]" in str(refused.value.message)
