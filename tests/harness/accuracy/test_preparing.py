"""Images of every kind become values, or are left out for a reason; crops are those of the published evaluation."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latency_bench.harness.accuracy.preparing import (
    OF_CLASSIFIERS,
    OF_DENSE_PREDICTION,
    UnusableImageError,
    image_values,
    is_turned,
    label_values,
)
from latency_bench.model_specs.spec import InputSpec

TENSOR = InputSpec(name="image", shape=(3, 16, 16))


def light(values: np.ndarray) -> np.ndarray:
    mean, std = (np.array(part).reshape(3, 1, 1) for part in TENSOR.normalisation)
    return values[0] * std + mean


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "RGBA", "1"])
def test_every_mode_of_eight_bits_becomes_three_channels(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("image.jpg" if mode in ("RGB", "CMYK") else "image.png")
    Image.new("RGB", (40, 20), (255, 255, 255)).convert(mode).save(path)
    values = image_values(path, TENSOR, OF_CLASSIFIERS)
    assert values.shape == (1, 3, 16, 16)
    assert values.dtype == np.float32
    assert light(values) == pytest.approx(1, abs=0.02)


def test_the_centre_is_cut_out_and_a_whole_image_is_squeezed(tmp_path: Path) -> None:
    pixels = np.zeros((20, 60, 3), dtype=np.uint8)
    pixels[:, 20:40] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    cut = light(image_values(tmp_path / "a.png", TENSOR, OF_CLASSIFIERS))
    assert cut[0, :, 3:-3] == pytest.approx(1, abs=0.05), "the middle third fills the crop"
    whole = light(image_values(tmp_path / "a.png", TENSOR, OF_DENSE_PREDICTION))
    assert whole[0, 8, 0] == pytest.approx(0, abs=0.05)
    assert whole[0, 8, 8] == pytest.approx(1, abs=0.05)


def damaged(kind: str, path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(buffer, "JPEG")
    content = {
        "text": b"<html>not found</html>",
        "empty": b"",
        "cut off": buffer.getvalue()[: len(buffer.getvalue()) // 2],
    }[kind]
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["text", "empty", "cut off"])
def test_what_cannot_be_read_says_why(tmp_path: Path, kind: str) -> None:
    damaged(kind, tmp_path / "a.jpg")
    with pytest.raises(UnusableImageError, match=r"no image of|damaged"):
        image_values(tmp_path / "a.jpg", TENSOR, OF_CLASSIFIERS)


def test_sixteen_bits_are_not_cut_down_in_silence(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 40000, dtype=np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(UnusableImageError, match="more than 8 bits"):
        image_values(tmp_path / "a.png", TENSOR, OF_CLASSIFIERS)
    with pytest.raises(UnusableImageError, match="not of 8 bits"):
        label_values(tmp_path / "a.png")


def test_a_turn_that_is_asked_for_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGB", (8, 4)).save(tmp_path / "plain.jpg")
    assert is_turned(tmp_path / "turned.jpg")
    assert not is_turned(tmp_path / "plain.jpg")
    assert not is_turned(tmp_path / "missing.jpg")
