"""Calibration data of the user's: a folder of images and a file of the same values are the same inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from latency_bench.harness.export import ExportOptions
from latency_bench.harness.export.calibration import (
    calibration_facts,
    calibration_samples,
    read_calibration,
    write_image_calibration,
)
from latency_bench.harness.export.check_image import image_values
from latency_bench.model_specs import load_spec


def test_a_folder_becomes_a_file_of_what_the_model_is_fed(tmp_path: Path) -> None:
    spec = load_spec("b0-cls-r224").at((64, 64))
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        pixels = np.random.RandomState(number).randint(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "readme.txt").write_text("no image")
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    write_image_calibration(folder, spec, first)
    write_image_calibration(folder, spec, second)
    assert first.read_bytes() == second.read_bytes()
    (values,) = read_calibration(first, spec).values()
    assert values.shape == (3, 3, 64, 64)
    for number in range(3):
        np.testing.assert_array_equal(values[number], image_values(folder / f"{number}.png", spec.inputs[0], 1)[0])

    options = ExportOptions(precision="int8", batch=2, calibration=first)
    samples = calibration_samples(spec, options)
    assert [tuple(sample[spec.inputs[0].name].shape) for sample in samples] == [(2, 3, 64, 64)] * 2
    # The last request is filled up from the beginning.
    np.testing.assert_array_equal(samples[1][spec.inputs[0].name][1].numpy(), values[0])
    assert calibration_facts(options, len(samples)) == {"source": "brought", "requests": 2}
    assert calibration_facts(ExportOptions(precision="int8"), 4) == {"source": "seeded", "requests": 4}
