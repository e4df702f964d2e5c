"""Promptable segmentation: COCO's annotations are read as pycocotools reads them, and a network whose masks are known
has the overlap that follows from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from latency_bench.harness.accuracy.coco_masks import mask_of
from latency_bench.harness.accuracy.data_sets import open_data_set
from latency_bench.harness.accuracy.prompted import FoundMask, TrueMask
from latency_bench.harness.accuracy.samples import PromptedObject
from latency_bench.harness.accuracy.scoring import scorer_of
from latency_bench.harness.accuracy.stated import Statement
from latency_bench.harness.accuracy.subject_of_case import subject_of
from latency_bench.harness.case_options import case_of, options_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.image_file import UnusableImageError
from latency_bench.model_specs import load_spec

SPEC = load_spec("sam-l0-box")
SPECS = """
family: tiny-box
task: segment-anything
provenance: {paper: none, code: own, license: Apache-2.0}
models:
  - id: tiny-box
    title: masks that are the box
    builder: tiny.py:Tiny
    inputs:
      - {name: image, shape: [3, 64, 64]}
      - {name: boxes, shape: [1, 4], distribution: uniform, low: 0, high: 128}
    outputs: [{name: masks, channels: 3, stride: 2}, {name: iou, channels: 3}]
    preparation: {resize: pad, interpolation: bilinear, source: this test}
"""
TINY = """
import torch
from torch import nn


class Tiny(nn.Module):
    '''The second of its masks is the box, and the one that it thinks best; a hint of the image is in the scores.'''

    def forward(self, image, boxes):
        left, top, right, bottom = (boxes[:, 0, place].reshape(-1, 1, 1, 1) / 4 for place in range(4))
        places = torch.arange(32, dtype=torch.float32) + 0.5
        x, y = places.reshape(1, 1, 1, 32), places.reshape(1, 1, 32, 1)
        across, down = torch.minimum(x - left, right - x), torch.minimum(y - top, bottom - y)
        box = torch.minimum(across, down)
        masks = torch.cat([box * 0 - 1, box, box * 0 + 1], dim=1)
        scores = torch.tensor([[0.1, 0.9, 0.2]]) + 1e-3 * image.mean(dim=(1, 2, 3)).reshape(-1, 1)
        return masks, scores
"""


def answered(found: list[Any], truth: list[Any]) -> tuple[list[FoundMask], list[TrueMask]]:
    prompt = PromptedObject((0, 0, 8, 4), "[]")
    return [FoundMask(mask, 0.5) for mask in found], [TrueMask(mask, prompt) for mask in truth]


def rectangle(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def tree(folder: Path, annotations: list[dict[str, Any]], images: list[dict[str, Any]] | None = None) -> Path:
    (folder / "annotations").mkdir(parents=True)
    (folder / "val").mkdir()
    Image.effect_noise((120, 80), 40).convert("RGB").save(folder / "val" / "1.png")
    entries = images or [{"id": 1, "file_name": "1.png", "width": 120, "height": 80}]
    content = {"images": entries, "annotations": annotations}
    (folder / "annotations" / "instances_val.json").write_text(json.dumps(content))
    return folder


def annotation(box: list[float], segmentation: Any, **more: Any) -> dict[str, Any]:
    return {"image_id": 1, "bbox": box, "segmentation": segmentation, "iscrowd": 0, **more}


@pytest.mark.parametrize("seed", range(3))
def test_masks_are_those_of_pycocotools(seed: int) -> None:
    random, height, width = np.random.RandomState(seed), 37, 53
    polygons = [random.uniform(-3, 55, 2 * random.randint(3, 9)).round(2).tolist() for _ in range(2)]
    theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width)))
    np.testing.assert_array_equal(mask_of(json.dumps(polygons), height, width), theirs)
    mask = random.uniform(size=(height, width)) < 0.5
    column = mask.T.reshape(-1)
    changes = np.flatnonzero(np.diff(column)) + 1
    counts = np.diff([0, *changes, len(column)]).tolist()
    runs = {"size": [height, width], "counts": [0, *counts] if column[0] else counts}
    np.testing.assert_array_equal(mask_of(json.dumps(runs), height, width), mask)
    np.testing.assert_array_equal(coco_mask.decode(coco_mask.frPyObjects(runs, height, width)), mask)


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ([[1, 2, 3, 4]], "not a list of three or more points"),
        ([[1, 2, 3, 4, 5, "6"]], "not a list of three or more points"),
        ([[1e300, 2, 3, 4, 5, 6]], "not a list of three or more points"),
        ({"size": [8, 9], "counts": "abc"}, "compressed"),
        ({"size": [8, 9], "counts": [70, -1, 3]}, "not a list of whole numbers"),
        ({"size": [8, 9], "counts": [70]}, "another size"),
        ({"size": [8, 9], "counts": [72]}, "is empty"),
    ],
)
def test_masks_that_are_none_say_why(segmentation: Any, words: str) -> None:
    with pytest.raises(UnusableImageError, match=words):
        mask_of(json.dumps(segmentation), 8, 9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bbox": [1, 2, 3]}, "annotation 0: bbox has to be a list"),
        ({"bbox": [1, 2, 3, "4"]}, "annotation 0: bbox has to be a list"),
        ({"segmentation": "abc"}, "annotation 0: segmentation has to be"),
        ({"image_id": "1"}, "annotation 0: image_id has to be a whole number"),
        ({"category_id": "dog"}, "annotation 0: category_id has to be a whole number"),
        ({"area": -1}, "annotation 0: area has to be a number of pixels"),
        ({"iscrowd": 1}, "there are no images in the layout `coco`"),
        ({"bbox": [1, 2, 0, 5]}, "no images in the layout `coco`"),
    ],
)
def test_annotations_that_are_wrong_are_told_with_their_place(tmp_path: Path, changes: Any, words: str) -> None:
    tree(tmp_path, [{**annotation([1, 2, 10, 10], rectangle(1, 2, 11, 12)), **changes}])
    with pytest.raises(UsageError, match=words):
        open_data_set(tmp_path, SPEC)


def test_what_is_no_set_of_prompts_is_refused(tmp_path: Path) -> None:
    outside = [{"id": 1, "file_name": "../../etc/passwd"}]
    tree(tmp_path / "outside", [annotation([1, 2, 10, 10], rectangle(1, 2, 11, 12))], outside)
    with pytest.raises(UsageError, match="lies outside"):
        open_data_set(tmp_path / "outside", SPEC)
    with pytest.raises(UsageError, match=r"annotations/instances_NAME.json, and it is not there"):
        open_data_set(tmp_path, SPEC)
    with pytest.raises(UsageError, match="unlabelled is not for segment-anything"):
        open_data_set(tmp_path, SPEC, layout="unlabelled")
    (tmp_path / "outside" / "annotations" / "instances_val.json").write_text("[")
    with pytest.raises(UsageError, match="cannot be read"):
        open_data_set(tmp_path / "outside", SPEC)


def test_a_network_whose_masks_are_its_boxes(bench: Any, tmp_path: Path) -> None:
    """Three objects: one that fills its box, one that fills 0.62 of it, a disc (pi / 4 of it), and a group that is no
    prompt; a damaged image. Each is the only one of its category, so that it is found, or not, at each threshold."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    disc = np.stack([70 + 20 * np.cos(angle), 40 + 20 * np.sin(angle)], axis=1).reshape(1, -1).tolist()
    annotations = [
        annotation([10, 10, 40, 30], rectangle(10, 10, 50, 40), category_id=3),
        annotation([20, 20, 80, 40], rectangle(20, 20, 69.6, 60), category_id=7),
        annotation([50, 20, 40, 40], disc, category_id=9, area=1e5),
        annotation([0, 60, 120, 20], rectangle(0, 60, 120, 80), category_id=3, iscrowd=1),
        annotation([5, 5, 20, 20], rectangle(5, 5, 25, 25), image_id=2),
    ]
    images = [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png"}]
    tree(tmp_path / "coco", annotations, images)
    (tmp_path / "coco" / "val" / "2.png").write_bytes(b"no image")
    (tmp_path / "specs.yaml").write_text(SPECS)
    (tmp_path / "tiny.py").write_text(TINY)
    words = ("accuracy", "--model", "tiny-box", "--specs", "specs.yaml", "--runtime", "onnxruntime")
    done = bench(*words, "--data", str(tmp_path / "coco"), "--json")
    assert done.returncode == 0, done.stderr
    found = done.json()
    assert (found["images"], sum(found["skipped"].values())) == (1, 1)
    values = {name: metric["value"] for name, metric in found["metrics"].items()}
    assert values["mask mIoU"] == pytest.approx(100 * (1 + 0.62 + np.pi / 4) / 3, abs=2)
    assert list(values)[:4] == ["mask mIoU", "AP", "AP50", "AP75"]
    assert (values["AP50"], values["AP75"]) == pytest.approx((100, 200 / 3))
    assert values["AP large"] == pytest.approx(10 * 6, abs=11), "the disc, whose area the annotations state"
    assert "AP small" not in values, "there is none"
    again = bench(*words, "--data", str(tmp_path / "coco"), "--json")
    assert "image 1 of" not in again.stderr, "nothing is scored twice"
    assert again.json()["metrics"] == found["metrics"]


def test_an_image_encoder_alone_gives_no_masks() -> None:
    with pytest.raises(UsageError, match="sam-l0 does not compute masks from a box"):
        subject_of(case_of(options_of({"model": "sam-l0", "runtime": "onnxruntime"}), single=True), Statement())


def test_overlaps_of_objects_are_averaged_over_all_images() -> None:
    scorer = scorer_of(SPEC)
    whole, half, other = (np.zeros((4, 8), bool) for _ in range(3))
    whole[:], half[:, :4], other[:, 4:] = True, True, True
    rows = [scorer.row(*answered([whole, half], [whole, whole])), scorer.row(*answered([half], [other]))]
    assert scorer.metrics(np.sum(rows, axis=0))["mask mIoU"] == pytest.approx(100 * (1 + 0.5 + 0) / 3)
