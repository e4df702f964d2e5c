"""Average precision: a case worked out by hand, pycocotools on files in COCO's own layout, and images drawn again
against the same images written out again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from latency_bench.harness.accuracy.coco_evaluation import CocoImage, Region, _categories, average_precisions, evaluated
from latency_bench.harness.accuracy.coco_masks import run_lengths
from latency_bench.harness.accuracy.pieces import Piece
from latency_bench.harness.accuracy.scoring import scorer_of
from latency_bench.harness.statistics.average_precision import mean_precision
from latency_bench.model_specs import load_spec

SIZE = 120
LABELS = {"AP": 0, "AP50": 1, "AP75": 2, "AP small": 3, "AP medium": 4, "AP large": 5}
"""Places in the statistics that pycocotools prints."""


def rectangle(left: int, top: int, width: int, height: int) -> dict[str, Any]:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + height, left : left + width] = True
    return {"bbox": [left, top, width, height], "segmentation": run_lengths(mask)}


def truth(*place: int, category: int = 1, is_crowd: int = 0) -> dict[str, Any]:
    return {"category_id": category, "area": float(place[2] * place[3]), "iscrowd": is_crowd, **rectangle(*place)}


def found(score: float, *place: int, category: int = 1) -> dict[str, Any]:
    return {"category_id": category, "score": score, **rectangle(*place)}


def test_a_case_that_is_worked_out_by_hand() -> None:
    """Three objects in two images. The best detection is exact, the second has an overlap of 0.62, the third of none:
    up to a threshold of 0.6 the precision is 1 until a recall of 2/3, which is 67 of 101 recalls; above it until a
    recall of 1/3, which is 34 of them."""
    images = [
        CocoImage(SIZE, SIZE, (truth(0, 0, 10, 10), truth(50, 0, 10, 50)), (found(0.9, 0, 0, 10, 10),)),
        CocoImage(SIZE, SIZE, (truth(0, 50, 100, 5),), (found(0.8, 0, 50, 62, 5), found(0.7, 0, 90, 9, 9))),
    ]
    for region in ("segm", "bbox"):
        values = average_precisions(images, region)  # type: ignore[arg-type]
        expected = {"AP": (3 * 67 + 7 * 34) / 1010, "AP50": 67 / 101, "AP75": 34 / 101}
        assert {name: values[name].value for name in expected} == pytest.approx(
            {name: 100 * value for name, value in expected.items()}
        )
        assert "AP large" not in values
        assert values["AP50"].low < values["AP50"].value < values["AP50"].high


def random_images(seed: int, count: int) -> list[CocoImage]:
    """Objects of three categories and of all sizes, groups among them; detections near them, double, and of nothing."""
    random, images = np.random.RandomState(seed), []
    for _ in range(count):
        annotations, results = [], []
        for _ in range(random.randint(0, 6)):
            width, height = random.randint(4, 110, 2)
            place = (random.randint(0, SIZE - width), random.randint(0, SIZE - height), width, height)
            category = random.randint(1, 4)
            annotations.append(truth(*map(int, place), category=category, is_crowd=int(random.uniform() < 0.1)))
            for _ in range(random.randint(0, 3)):
                near = np.maximum([0, 0, 1, 1], place + random.randint(-6, 7, 4))
                results.append(found(float(random.uniform()), *map(int, near), category=category))
        for _ in range(random.randint(0, 2)):
            results.append(found(float(random.uniform()), 3, 3, 30, 30, category=random.randint(1, 4)))
        images.append(CocoImage(SIZE, SIZE, tuple(annotations), tuple(results)))
    return images


def by_files(images: Sequence[CocoImage], region: Region, folder: Path) -> list[float]:
    """The statistics of pycocotools for a file of annotations and a file of results."""
    names = {"images": [{"id": place, "height": SIZE, "width": SIZE} for place in range(len(images))]}
    annotations = [
        {**entry, "image_id": place, "id": 1000 * place + number}
        for place, one in enumerate(images)
        for number, entry in enumerate(one.annotations, 1)
    ]
    results = [{**entry, "image_id": place} for place, one in enumerate(images) for entry in one.results]
    if region == "segm":
        results = [{key: value for key, value in entry.items() if key != "bbox"} for entry in results]
    (folder / "truth.json").write_text(
        json.dumps({**names, "annotations": annotations, "categories": [{"id": number} for number in (1, 2, 3)]})
    )
    (folder / "found.json").write_text(json.dumps(results))
    annotated = COCO(str(folder / "truth.json"))
    evaluation = COCOeval(annotated, annotated.loadRes(str(folder / "found.json")), region)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return [float(one) for one in evaluation.stats]


@pytest.mark.parametrize("region", ["segm", "bbox"])
@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_pycocotools_on_files(tmp_path: Path, seed: int, region: Region) -> None:
    images = random_images(seed, 12)
    values, stats = average_precisions(images, region), by_files(images, region, tmp_path)
    assert {name: one.value for name, one in values.items()} == pytest.approx(
        {name: 100 * stats[place] for name, place in LABELS.items() if stats[place] >= 0}
    )
    assert all(one.low <= one.value + 15 and one.low <= one.high for one in values.values())


@pytest.mark.parametrize("seed", range(3))
def test_a_draw_is_what_the_same_images_have_written_out_so_often(seed: int) -> None:
    images = random_images(seed, 8)
    weights = np.random.RandomState(seed).multinomial(8, np.full(8, 1 / 8), size=3)
    evaluation = evaluated(images, "bbox")
    for area in range(4):
        ours = mean_precision(list(_categories(evaluation, area)), weights.astype(float))
        for row, own in zip(weights, ours, strict=True):
            drawn = [one for one, times in zip(images, row, strict=True) for _ in range(times)]
            precision = evaluated(drawn, "bbox").eval["precision"][:, :, :, area, -1]
            per_threshold = [one[one > -1].mean() if (one > -1).any() else 0 for one in precision]
            assert own == pytest.approx(per_threshold)


def test_nothing_found_anywhere_is_nothing_right() -> None:
    images = [CocoImage(SIZE, SIZE, (truth(0, 0, 10, 10),), ()) for _ in range(2)]
    assert {tuple(one) for one in average_precisions(images, "bbox").values()} == {(0.0, 0.0, 0.0)}


def test_a_piece_keeps_what_was_found_and_one_without_it_is_scored_again(tmp_path: Path) -> None:
    mask = rectangle(1, 2, 3, 4)["segmentation"]
    assert coco_mask.area(mask) == 12
    image = CocoImage(SIZE, SIZE, (truth(1, 2, 3, 4),), (found(0.25, 1, 2, 3, 4),))
    scorer, piece = scorer_of(load_spec("sam-l0-box")), Piece(("a",), np.ones((1, 3)), (), 0, (image,))
    piece.write(tmp_path / "whole.npz")
    kept = Piece.read(tmp_path / "whole.npz", scorer)
    assert kept is not None
    assert kept.coco_images == (image,)
    replace(piece, coco_images=()).write(tmp_path / "without.npz")
    assert Piece.read(tmp_path / "without.npz", scorer) is None, "of a version that kept no masks"
