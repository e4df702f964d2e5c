"""Our counts and metrics against torchmetrics', an implementation of others, on random data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latency_bench.harness.accuracy.image_quality import luminance, psnr_db, ssim
from latency_bench.harness.accuracy.scoring import scorer_of
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision


@pytest.fixture(scope="module", autouse=True)
def _torchvision() -> None:
    """torchmetrics imports torchvision, whose compiled library some releases have under another name. That takes
    seconds, of one process of the tests."""
    prepare_torchvision()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("top", [1, 5])
def test_top_one_and_top_five(seed: int, top: int) -> None:
    from torchmetrics.classification import MulticlassAccuracy

    random, scorer = np.random.RandomState(seed), scorer_of(load_spec("b0-cls-r224"))
    logits, labels = random.standard_normal((400, 1000)), random.randint(0, 1000, 400)
    logits[np.arange(400), labels] += random.uniform(0, 6, 400)
    theirs = MulticlassAccuracy(1000, top_k=top, average="micro")(torch.from_numpy(logits), torch.from_numpy(labels))
    rows = [scorer.row(output, np.asarray(label)) for output, label in zip(logits[:, None], labels, strict=True)]
    assert scorer.metrics(np.sum(rows, axis=0))[f"top-{top}"] == pytest.approx(100 * float(theirs))


@pytest.mark.parametrize("seed", range(3))
def test_mean_intersection_over_union(seed: int) -> None:
    """Over all images at once, pixels that do not count left out."""
    from torchmetrics.classification import MulticlassJaccardIndex

    random, classes, ignored = np.random.RandomState(seed), 19, 255
    scorer, theirs = scorer_of(load_spec("b0-seg")), MulticlassJaccardIndex(classes, ignore_index=ignored)
    rows = []
    for _ in range(5):
        logits = random.standard_normal((1, classes, 16, 32)).astype(np.float32)
        label = random.randint(-1, classes, (16, 32))
        right = random.uniform(size=label.shape) < 0.5
        y, x = np.indices(label.shape)
        logits[0, np.maximum(label, 0), y, x] += 4 * right
        rows.append(scorer.row(logits, label))
        marked = torch.from_numpy(np.where(label < 0, ignored, label))
        theirs.update(torch.from_numpy(logits), marked[None])
    assert scorer.metrics(np.sum(rows, axis=0))["mIoU"] == pytest.approx(100 * float(theirs.compute()), rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_quality_of_images(seed: int) -> None:
    """On Y, where the window lies inside the image."""
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    random = np.random.RandomState(seed)
    a = np.kron(random.randint(0, 256, (9, 11, 3)), np.ones((6, 6, 1))).astype(np.uint8)
    b = np.clip(a + random.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    y_a, y_b = (torch.from_numpy(luminance(one))[None, None] for one in (a, b))
    assert psnr_db(a, b) == pytest.approx(float(peak_signal_noise_ratio(y_a, y_b, data_range=255.0)), abs=1e-4)
    _, everywhere = structural_similarity_index_measure(y_a, y_b, data_range=255.0, return_full_image=True)
    assert ssim(a, b) == pytest.approx(float(everywhere[..., 5:-5, 5:-5].mean()), abs=1e-6)
