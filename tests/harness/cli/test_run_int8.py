"""int8 on every runtime that has it: what its ranges come from, how much computes in it, and what outputs lose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Bench

SIDE = 128
"""Pixels: at 64 the seeded weights leave int8 so near the limit that the processor decides."""
MODEL = ("--model", "b0-cls-r224", "--resolution", f"{SIDE}x{SIDE}")
FAST = """\
name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 3, max_count: 30, min_s: 0.02, max_s: 0.5, window: 0}
sampling: {min_count: 10, max_count: 20, min_s: 0.05, max_s: 5, relative_interval: null}
"""


@pytest.fixture
def record_of(bench: Bench, tmp_path: Path) -> Any:
    protocol = tmp_path / "fast.yaml"
    protocol.write_text(FAST)

    def run(*words: str) -> dict[str, Any]:
        ran = bench("run", *MODEL, "--protocol", str(protocol), "--json", *words, timeout_s=1200)
        assert ran.returncode == 0, ran.stderr
        record: dict[str, Any] = json.loads((Path(ran.json()["path"]) / "record.json").read_text())
        return record

    return run


def _flags(record: dict[str, Any]) -> dict[str, str]:
    return {flag["name"]: flag["text"] for flag in record["flags"]}


@pytest.mark.parametrize(
    ("runtime", "quantiser"),
    [
        pytest.param("litert", None, marks=pytest.mark.slow),
        ("onnxruntime", "onnxruntime"),
        pytest.param("openvino", "nncf", marks=pytest.mark.slow),
        pytest.param("executorch", None, marks=pytest.mark.slow),
    ],
)
def test_the_layers_with_weights_compute_in_int8(
    record_of: Any, bench: Bench, runtime: str, quantiser: str | None
) -> None:
    record = record_of("--runtime", runtime, "--precision", "int8")
    assert record["artifact"]["facts"]["quantization"].get("quantiser") == quantiser
    layers = record["runtime"]["facts"]["weighted_layers"]
    integer, every = layers["precisions"]["int8"], sum(layers["precisions"].values())
    assert every > 30
    assert integer / every > 0.9
    assert layers["conversions"] > 0
    assert ("partly_int8" in _flags(record)) == (integer < every)
    metrics = record["fidelity"]["metrics"]["logits"]
    assert record["fidelity"]["passed"] is True
    assert metrics["max_rel"] > 1e-4
    assert 10 < metrics["psnr_db"] < 80
    assert metrics["top1_agreement"] in (0.0, 1.0)
    # Ranges from seeded data are said, in the record and in every table.
    assert record["artifact"]["facts"]["calibration"]["source"] == "seeded"
    assert "seeded data" in _flags(record)["seeded_calibration"]
    shown = bench("results", "show", "latest").stdout
    assert f"{integer} of {every} layers with weights compute in int8" in shown
    assert "PSNR" in shown
    assert "seeded_calibration" in shown
    columns = "weighted_layers,integer_layers,conversions,calibration"
    (row,) = bench("results", "ls", "--columns", columns, "--json").json()
    assert (row["weighted_layers"], row["integer_layers"], row["calibration"]) == (every, integer, "seeded")


@pytest.mark.slow
def test_dynamic_quantisation_says_how_little_it_covers(record_of: Any) -> None:
    record = record_of("--runtime", "onnxruntime", "--precision", "int8-dynamic")
    layers = record["runtime"]["facts"]["weighted_layers"]["precisions"]
    assert 0 < layers["int8"] < layers["float32"]
    assert f"only {layers['int8']} of" in _flags(record)["partly_int8"]
    assert "seeded_calibration" not in _flags(record)


def test_ranges_come_from_the_images_that_are_brought(record_of: Any, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        pixels = np.random.RandomState(number).randint(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "readme.txt").write_text("no image")
    by_folder = record_of("--runtime", "onnxruntime", "--precision", "int8", "--calibration", str(folder))
    assert by_folder["artifact"]["facts"]["calibration"] == {"source": "brought", "requests": 3}
    assert "seeded_calibration" not in _flags(by_folder)

    from latency_bench.harness.export.check_image import image_values
    from latency_bench.model_specs import load_spec

    tensor = load_spec("b0-cls-r224").at((SIDE, SIDE)).inputs[0]
    values = np.concatenate([image_values(folder / f"{number}.png", tensor, 1) for number in range(3)])
    np.savez(tmp_path / "mine.npz", **{tensor.name: values})
    by_file = record_of("--runtime", "onnxruntime", "--precision", "int8", "--calibration", str(tmp_path / "mine.npz"))
    # The same values, whichever way they came: the same file.
    assert by_file["artifact"]["sha256"] == by_folder["artifact"]["sha256"]


@pytest.mark.parametrize(
    ("name", "arrays", "said"),
    [
        ("empty", None, "has no images"),
        ("other.npz", {"picture": np.zeros((2, 3, SIDE, SIDE), np.float32)}, "has arrays called picture"),
        (
            "small.npz",
            {"image": np.zeros((2, 3, 8, 8), np.float32)},
            f"float32 of shape [samples, 3, {SIDE}, {SIDE}] is needed",
        ),
        ("double.npz", {"image": np.zeros((2, 3, SIDE, SIDE))}, "image is float64"),
        ("none.npz", {"image": np.zeros((0, 3, SIDE, SIDE), np.float32)}, f"of shape [0, 3, {SIDE}, {SIDE}]"),
        ("nan.npz", {"image": np.full((1, 3, SIDE, SIDE), np.nan, np.float32)}, "not finite"),
        ("text.npz", "no arrays", "cannot be read"),
    ],
)
def test_what_does_not_fit_the_model_is_refused_at_once(
    bench: Bench, tmp_path: Path, name: str, arrays: Any, said: str
) -> None:
    path = tmp_path / name
    if arrays is None:
        path.mkdir()
    elif isinstance(arrays, str):
        path.write_text(arrays)
    else:
        np.savez(path, **arrays)
    ran = bench("run", *MODEL, "--runtime", "onnxruntime", "--precision", "int8", "--calibration", name)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "store").exists()


def test_only_calibrated_precisions_take_calibration(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    ran = bench("run", *MODEL, "--calibration", "images")
    assert ran.returncode == 2
    assert "only --precision int8 takes ranges" in ran.stderr
