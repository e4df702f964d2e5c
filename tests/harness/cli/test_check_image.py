"""`bench run --check-image`: outputs are compared on a photograph of the user's as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import Bench

RUN = ("run", "--model", "b0-cls-r224", "--resolution", "32", "--runtime", "onnxruntime")


def test_outputs_are_compared_on_noise_a_natural_image_and_the_file(
    bench: Bench, brief: tuple[str, str], tmp_path: Path
) -> None:
    pixels = np.random.RandomState(1).randint(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    ran = bench(*RUN, *brief, "--check-image", "mine.png", "--json")
    assert ran.returncode == 0, ran.stderr
    fidelity = ran.json()["fidelity"]
    assert fidelity["passed"] is True
    assert {check["input"] for check in fidelity["checks"]} == {"noise", "natural", "image"}
    for check in fidelity["checks"]:
        assert check["passed"] is True
        assert 0 < check["rounding_error"]["logits"] < 1e-5
        assert check["metrics"]["logits"]["max_rel"] < 1e-4
        assert check["change"]["logits"] > 0.01
    shown = bench("results", "show", "latest")
    assert f"on {fidelity['input']}, the worst of 3 inputs" in shown.stdout


def test_a_file_that_is_no_image_and_a_model_without_one_are_refused_at_once(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    ran = bench(*RUN, "--check-image", "mine.png")
    assert ran.returncode == 2
    assert "mine.png is no image" in ran.stderr or "mine.png cannot be read as an image" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "store").exists()
    Image.new("RGB", (8, 8)).save(tmp_path / "mine.png")
    ran = bench("run", "--model", "calibration-matmul-512", "--check-image", "mine.png")
    assert ran.returncode == 2
    assert "is for models that take an image of three channels" in ran.stderr
