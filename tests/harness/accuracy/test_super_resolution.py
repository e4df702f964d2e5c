"""Trees of images as benchmarks of super-resolution hand them out, and a network that is scored on them: the very
numbers that torch and the definitions give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latency_bench.harness.accuracy.data_sets import open_data_set
from latency_bench.harness.accuracy.evaluation import evaluate
from latency_bench.harness.accuracy.image_quality import psnr_db, ssim
from latency_bench.harness.accuracy.samples import Sample
from latency_bench.harness.accuracy.scoring import scorer_of
from latency_bench.harness.accuracy.stated import Statement
from latency_bench.harness.accuracy.subject_of_case import subject_of
from latency_bench.harness.accuracy.super_resolution import down_sampled, feed
from latency_bench.harness.case import Case
from latency_bench.harness.case_options import case_of, options_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.image_file import UnusableImageError
from latency_bench.harness.gating.accuracy_budgets import gate_least_accuracy, latest_accuracies
from latency_bench.harness.store.verify_accuracy import verify_accuracy_images
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.spec import ModelSpec

from .test_image_quality import pixels

SPEC = load_spec("bsrn-bsd100")


def tree(folder: Path, high: str, low: str, suffix: str = "", names: tuple[str, ...] = ("a", "b")) -> Path:
    for number, name in enumerate(names):
        image = pixels(number, 60, 84)
        for place, content in ((high, image), (low, down_sampled(image, 2))):
            path = folder / place / f"{name}{suffix if place == low else ''}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(path)
    return folder


@pytest.mark.parametrize(
    ("high", "low", "suffix"),
    [
        ("HR", "LR", ""),
        ("HR", "LR_bicubic/X2", "x2"),
        ("DIV2K_valid_HR", "DIV2K_valid_LR_bicubic/X2", "x2"),
        ("GTmod12", "LRbicx2", ""),
    ],
)
def test_pairs_as_benchmarks_have_them(tmp_path: Path, high: str, low: str, suffix: str) -> None:
    found = open_data_set(tree(tmp_path, high, low, suffix), SPEC)
    assert found.layout == "pairs"
    assert [(one.name, one.image.relative_to(tmp_path).as_posix()) for one in found.samples] == [
        (f"{high}/{name}.png", f"{low}/{name}{suffix}.png") for name in ("a", "b")
    ]


def test_what_is_no_pair_is_told(tmp_path: Path) -> None:
    tree(tmp_path, "HR", "LR")
    with pytest.raises(UsageError, match="is not for classification"):
        open_data_set(tmp_path, load_spec("b0-cls-r224"), layout="pairs")
    with pytest.raises(UsageError, match="folders is not for super-resolution"):
        open_data_set(tmp_path, SPEC, layout="folders")
    (tmp_path / "LR" / "b.png").unlink()
    found = open_data_set(tmp_path, SPEC)
    with pytest.raises(UnusableImageError, match="the file does not exist"):
        feed(found.samples[1], SPEC)
    (tmp_path / "LR_x4").mkdir()
    with pytest.raises(UsageError, match="LR and LR_x4 could both be meant"):
        open_data_set(tmp_path, SPEC)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        ((30, 42), (59, 84), "smaller than 2 times"),
        ((5, 42), (10, 84), "too small"),
        ((30, 42), None, "high resolution cannot be used"),
    ],
)
def test_images_that_do_not_fit_say_why(tmp_path: Path, low: tuple, high: tuple | None, words: str) -> None:
    for name, size in (("low.png", low), ("high.png", high)):
        if size is not None:
            Image.fromarray(pixels(0, *size)).save(tmp_path / name)
    with pytest.raises(UnusableImageError, match=words):
        feed(Sample("a", tmp_path / "low.png", tmp_path / "high.png"), SPEC)


@pytest.fixture(scope="module")
def case() -> Case:
    """A small input, so that most images take several tiles."""
    asked = {"model": "bsrn-bsd100", "resolution": "24x32", "runtime": "onnxruntime", "threads": 1}
    return case_of(options_of(asked), single=True)


def expected(case: Case, low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """PSNR and SSIM of an image of one tile, by torch alone."""
    assert isinstance(case.spec, ModelSpec)
    module = build_module(case.spec, None, 0)
    with torch.inference_mode():
        light = module(torch.from_numpy(low.astype(np.float32).transpose(2, 0, 1)[None] / 255))[0].numpy()
    made = np.rint(np.clip(light, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    a, b = made[2:-2, 2:-2], high[2:-2, 2:-2]
    return psnr_db(a, b), ssim(a, b)


def test_the_file_has_the_quality_that_torch_has(
    case: Case, tmp_path: Path, shared_cache: Path, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One image of the input's size, one that takes tiles, one that is too small, one that is none."""
    monkeypatch.setenv("BENCH_CACHE", str(shared_cache))
    assert isinstance(case.spec, ModelSpec)
    folder = tmp_path / "images"
    folder.mkdir()
    whole = pixels(3, 48, 64)
    for name, image in (("0-whole", whole), ("1-large", pixels(4, 91, 131)), ("2-small", pixels(5, 30, 40))):
        Image.fromarray(image).save(folder / f"{name}.png")
    (folder / "3-none.png").write_bytes(b"no image")
    data = open_data_set(folder, case.spec)
    assert data.layout == "high-resolution"
    subject = subject_of(case, Statement())
    found = evaluate(case, subject, data, tmp_path / "kept", "test", lambda _: None)
    assert found.names == ("0-whole.png", "1-large.png", "2-small.png")
    assert [name for name, _ in found.skipped] == ["3-none.png"]
    psnr, similarity = expected(case, down_sampled(whole, 2), whole)
    assert found.counts[0, 1] == pytest.approx(psnr, abs=0.02)
    assert found.counts[0, 2] == pytest.approx(similarity, abs=0.002)
    metrics = scorer_of(case.spec).metrics(found.counts.sum(0))
    assert metrics["PSNR"] == pytest.approx(found.counts[:, 1].mean()), "a mean over images, as papers have it"

    # Without anything to be held against, the device is held against the module.
    bare = open_data_set(folder, case.spec, layout="unlabelled")
    agreed = evaluate(case, subject, bare, tmp_path / "kept", "test", lambda _: None)
    assert agreed.against_module
    assert agreed.counts[:, 1].min() > 55, "the same but for roundings of a level"


def test_what_is_printed_and_stored_has_its_units(bench, tmp_path: Path) -> None:
    tree(tmp_path / "set", "HR", "LR")
    words = ("accuracy", "--model", "bsrn-bsd100", "--resolution", "24x32", "--runtime", "onnxruntime")
    done = bench(*words, "--data", str(tmp_path / "set"), "--json")
    assert done.returncode == 0, done.stderr
    metrics = done.json()["metrics"]
    assert (metrics["PSNR"]["unit"], metrics["SSIM"]["unit"]) == ("dB", "")
    again = bench(*words, "--data", str(tmp_path / "set"), "--against", done.json()["run_id"])
    assert "PSNR: +0.00 dB [+0.00, +0.00]" in again.stdout
    assert "SSIM: +0.0000 [+0.0000, +0.0000]" in again.stdout
    assert f"{metrics['SSIM']['value']:.4f}" in again.stdout
    latest = latest_accuracies(tmp_path / "store")
    (judged,) = gate_least_accuracy(list(latest.values()), 1)
    assert judged.name.endswith("at least 1 dB")
    assert not [one for stored in latest.values() for one in verify_accuracy_images(stored)]
    listed = bench("results", "ls", "--accuracy").stdout
    assert ("dB" in listed, "%" in listed) == (True, False)
    refused = bench(*words, "--whole-image", "--data", str(tmp_path / "set"))
    assert (refused.returncode, "fed to bsrn-bsd100 as they are" in refused.stderr) == (2, True)
