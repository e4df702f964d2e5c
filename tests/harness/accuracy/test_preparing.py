"""Images of every kind become values, or are left out for a reason; crops are those of the published evaluation."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latency_bench.harness.accuracy.preparing import image_values, is_turned, label_values, require_same_proportions
from latency_bench.harness.export.check_image import require_image
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.image_file import UnusableImageError
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.preparation import Preparation
from latency_bench.model_specs.spec import InputSpec
from latency_bench.model_specs.usual_preparation import preparation_of

OF_CLASSIFIERS, OF_DENSE_PREDICTION = (preparation_of(load_spec(name)) for name in ("b1-cls-r224", "b1-seg"))
PADDED = Preparation(resize="pad", interpolation="bilinear", source="test")
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
    values = image_values(tmp_path / "a.png", TENSOR, PADDED)
    padded = light(values)
    assert padded[0, 2, 8] == pytest.approx(1, abs=0.05), "the longer side fills the input"
    assert values[0, :, 5:] == pytest.approx(0), "below the image nothing is left, in normalised values"


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
    with pytest.raises(UnusableImageError, match=r"not an image in one of the formats|damaged"):
        image_values(tmp_path / "a.jpg", TENSOR, OF_CLASSIFIERS)


def test_files_that_are_cut_off_anywhere_are_counted_as_one_kind(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).convert("RGB").save(tmp_path / "whole.jpg")
    content, reasons = (tmp_path / "whole.jpg").read_bytes(), set()
    for share in range(40, 90, 5):
        (tmp_path / "cut.jpg").write_bytes(content[: len(content) * share // 100])
        with pytest.raises(UnusableImageError) as refused:
            image_values(tmp_path / "cut.jpg", TENSOR, OF_CLASSIFIERS)
        reasons.add(str(refused.value))
    assert len(reasons) == 1


def png_of_sixteen_bits(colour_type: int, channels: int) -> bytes:
    """Pillow writes no such file with colours, and reads them cut down to 8 bits."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + b"\x12\x34" * 8 * channels) * 8
    head = struct.pack(">IIBBBBB", 8, 8, 16, colour_type, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


DEEP = {
    "grey.png": png_of_sixteen_bits(0, 1),
    "colours.png": png_of_sixteen_bits(2, 3),
    "grey-and-alpha.png": png_of_sixteen_bits(4, 2),
    "colours-and-alpha.png": png_of_sixteen_bits(6, 4),
    "colours.ppm": b"P6 8 8 65535\n" + b"\x12\x34" * 192,
    "grey.pgm": b"P5 8 8 4095\n" + b"\x02\x34" * 64,
}


@pytest.mark.parametrize("name", list(DEEP))
def test_sixteen_bits_are_not_cut_down_in_silence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DEEP[name])
    for read in (lambda path: image_values(path, TENSOR, OF_CLASSIFIERS), require_image):
        with pytest.raises((UnusableImageError, ExportError), match="more than 8 bits"):
            read(tmp_path / name)
    with pytest.raises(UnusableImageError, match="the label cannot be used"):
        label_values(tmp_path / name)


def test_the_label_of_another_image_is_told_by_its_proportions(tmp_path: Path) -> None:
    Image.new("RGB", (201, 99)).save(tmp_path / "a.png")
    for height, width in ((99, 201), (198, 402), (50, 101), (49, 100)):
        require_same_proportions(np.zeros((height, width), np.uint8), tmp_path / "a.png")
    for height, width in ((201, 99), (99, 99), (99, 240)):
        with pytest.raises(UnusableImageError, match=f"its label is {width}x{height} pixels, and the image 201x99"):
            require_same_proportions(np.zeros((height, width), np.uint8), tmp_path / "a.png")


def test_five_and_six_bits_a_channel_are_read(tmp_path: Path) -> None:
    head = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, 16, 3, 128, 0, 0, 0, 0) + struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    (tmp_path / "a.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 66 + 128, 0, 0, 66) + head + b"\xff" * 128)
    assert light(image_values(tmp_path / "a.bmp", TENSOR, OF_CLASSIFIERS)) == pytest.approx(1, abs=0.02)


def test_what_would_be_waited_for_or_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnusableImageError, match="the file does not exist"):
        image_values(tmp_path / "pipe.png", TENSOR, OF_CLASSIFIERS)
    Image.new("L", (1_000_000, 1)).save(tmp_path / "a.png")
    with pytest.raises(UnusableImageError, match="so long and narrow"):
        image_values(tmp_path / "a.png", TENSOR, OF_CLASSIFIERS)


def test_a_turn_that_is_asked_for_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGB", (8, 4)).save(tmp_path / "plain.jpg")
    assert is_turned(tmp_path / "turned.jpg")
    assert not is_turned(tmp_path / "plain.jpg")
    assert not is_turned(tmp_path / "missing.jpg")
