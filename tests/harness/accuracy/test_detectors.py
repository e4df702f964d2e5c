"""Detectors: what stays of candidates, where it lies in the photograph, and AP of boxes as pycocotools computes it from
the same JSON. The network finds the same boxes in every image, so that everybody can say what is right."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from bench_worker.failure import WorkerError
from bench_worker.pipeline.detections import SCORED, SHOWN, detections
from bench_worker.pipeline.libraries import LIBRARIES
from bench_worker.pipeline.placement import Placement, placement
from latency_bench.harness.accuracy.data_sets import open_data_set
from latency_bench.harness.accuracy.stated import StatedOutput
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs import load_spec

HEIGHT, WIDTH = 32, 64
CANDIDATES = np.array(
    # Centre, width, height in the input, then the scores of cat and dog.
    [
        (16, 8, 16, 8, 0.9, 0.1),
        (16.5, 8, 16, 8, 0.8, 0.1),  # goes: a better one lies here
        (16, 8, 16, 8, 0.1, 0.6),  # stays: it is of another class
        (48, 20, 20, 16, 0.0, 0.7),
        (8, 26, 8, 8, 0.3, 0.2),
        (40, 6, 8, 8, 0.0005, 0.0),  # goes: too unlikely
        (60, 4, 16, 4, 0.2, 0.0),  # is cut off at the border; too unlikely to be shown
    ],
    np.float32,
).T
# What stays, left, top, right, bottom in a photograph of twice the size.
CAT, DOG = 0, 1
FOUND = [
    (CAT, 0.9, (16, 8, 48, 24)),
    (DOG, 0.7, (76, 24, 116, 56)),
    (DOG, 0.6, (16, 8, 48, 24)),
    (CAT, 0.3, (8, 44, 24, 60)),
    (CAT, 0.2, (104, 4, 128, 12)),
]
SPECS = f"""
family: tiny-detector
task: detection
provenance: {{paper: none, code: own, license: Apache-2.0}}
models:
  - id: tiny-detector
    title: the same boxes everywhere
    builder: tiny.py:Tiny
    inputs: [{{name: image, shape: [3, {HEIGHT}, {WIDTH}]}}]
    outputs: [{{name: boxes, channels: 2}}]
    preparation: {{resize: stretch, interpolation: bilinear, source: this test}}
"""
TINY = f"""
import torch
from torch import nn


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("candidates", torch.tensor({CANDIDATES.tolist()})[None])

    def forward(self, image):
        return self.candidates + 0 * image.mean(dim=(2, 3))[:, :1, None]
"""


def photographs(folder: Path) -> Path:
    """Two: one shows a cat and a dog, and a group of cats; the other one nothing."""
    (folder / "annotations").mkdir(parents=True)
    (folder / "val").mkdir()
    for number in (1, 2):
        Image.effect_noise((2 * WIDTH, 2 * HEIGHT), 40).convert("RGB").save(folder / "val" / f"{number}.png")
    objects = [(17, [16, 8, 32, 16], 0), (18, [76, 24, 36, 32], 0), (17, [100, 0, 28, 20], 1)]
    content = {
        "images": [{"id": one, "file_name": f"{one}.png", "width": 128, "height": 64} for one in (1, 2)],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
        "annotations": [
            {
                "id": place,
                "image_id": 1,
                "category_id": category,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": crowd,
            }
            for place, (category, box, crowd) in enumerate(objects, 1)
        ],
    }
    (folder / "annotations" / "instances_val.json").write_text(json.dumps(content))
    return folder


def by_pycocotools(folder: Path) -> dict[str, float]:
    """From the annotations' file and the list above."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    results = [
        {"image_id": image, "category_id": (17, 18)[category], "score": score, "bbox": [a, b, c - a, d - b]}
        for image in (1, 2)
        for category, score, (a, b, c, d) in FOUND
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "annotations" / "instances_val.json"))
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: 100 * float(value) for name, value in zip(("AP", "AP50", "AP75"), evaluation.stats, strict=False)}


def detector_file(folder: Path, found: np.ndarray) -> None:
    """detector.onnx, which finds the same in every image."""
    info, node = onnx.helper.make_tensor_value_info, onnx.helper.make_node
    constants = [
        onnx.numpy_helper.from_array(found[None], "candidates"),
        onnx.numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
    ]
    graph = onnx.helper.make_graph(
        [
            node("ReduceMean", ["photo"], ["mean"], axes=[1, 2, 3], keepdims=0),
            node("Mul", ["mean", "nothing"], ["zero"]),
            node("Add", ["candidates", "zero"], ["answer"]),
        ],
        "detector",
        [info("photo", onnx.TensorProto.FLOAT, (1, 3, HEIGHT, WIDTH))],
        [info("answer", onnx.TensorProto.FLOAT, (1, *found.shape))],
        constants,
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8),
              folder / "detector.onnx")  # fmt: skip


# In the input, the least likely first, and a row that is empty.
BOXES = np.array([*((*np.divide(box, 2), score, of) for of, score, box in reversed(FOUND)), (0,) * 6], np.float32)


@pytest.mark.parametrize(("meaning", "found"), [("yolo-boxes", CANDIDATES), ("boxes:2", BOXES)])
def test_the_boxes_of_a_file_have_the_ap_of_pycocotools(
    bench: Any, tmp_path: Path, meaning: str, found: np.ndarray
) -> None:
    detector_file(tmp_path, found)
    data = photographs(tmp_path / "coco")
    words = ("--onnx", "detector.onnx", "--mean", "0", "--std", "1", "--channel-order", "rgb", "--whole-image")
    done = bench("accuracy", *words, "--interpolation", "bilinear", "--output-is", f"answer={meaning}", "--data",
                 str(data), "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    values = {name: one["value"] for name, one in done.json()["metrics"].items()}
    expected = by_pycocotools(data)
    assert 0 < expected["AP75"] < 100, "worth comparing"
    assert {name: values[name] for name in expected} == pytest.approx(expected)
    assert next(iter(values)) == "AP"
    assert values["recall at 0.5"] == 100
    assert done.json()["images"] == 2, "what is found where nothing is counts"


def test_suppression_is_a_phase_of_the_pipeline(bench: Any, tmp_path: Path, brief: Any) -> None:
    (tmp_path / "specs.yaml").write_text(SPECS)
    (tmp_path / "tiny.py").write_text(TINY)
    words = ("run", "--model", "tiny-detector", "--specs", "specs.yaml", "--runtime", "onnxruntime", *brief, "--json")
    done = bench(*words, "--pipeline", "opencv")
    assert done.returncode == 0, done.stderr
    shown = bench("results", "show", done.json()["run_id"], "--json").json()
    assert {"decode", "preprocess", "postprocess"} <= set(shown["summary"]["phases"])
    refused = bench(*words, "--pipeline", "pillow")
    assert (refused.returncode, "has no non-maximum suppression; use --pipeline opencv" in refused.stderr) == (2, True)


def test_what_stays_lies_where_it_was_in_the_photograph() -> None:
    library, stretched = LIBRARIES["opencv"](), Placement(WIDTH, HEIGHT, 0, 0)
    found = detections(CANDIDATES, library, (128, 64), stretched, SCORED)
    assert [int(one) for one in found.classes] == [category for category, _, _ in FOUND]
    np.testing.assert_allclose(found.scores, [score for _, score, _ in FOUND])
    np.testing.assert_allclose(found.boxes, [box for _, _, box in FOUND])
    assert len(detections(CANDIDATES, library, (128, 64), stretched, SHOWN).boxes) == 4
    assert len(detections(CANDIDATES * 0, library, (128, 64), stretched, SHOWN).boxes) == 0
    # The centre of the input is the centre of the photograph, however it was resized.
    middle = np.array([[32, 16, 8, 8, 1, 0]], np.float32).T
    for resize, share, size in (("crop", 0.5, (16, 16)), ("pad", None, (16, 16)), ("stretch", None, (12.5, 18.75))):
        placed = placement(100, 75, WIDTH, HEIGHT, resize, share)
        (box,) = detections(middle, library, (100, 75), placed, SCORED).boxes
        if resize != "pad":  # which puts it into the upper left corner
            np.testing.assert_allclose((box[:2] + box[2:]) / 2, (50, 37.5), atol=1)
        if resize == "stretch":
            np.testing.assert_allclose(box[2:] - box[:2], size)
    with pytest.raises(WorkerError, match="pillow has no non-maximum suppression"):
        detections(CANDIDATES, LIBRARIES["pillow"](), (128, 64), stretched, SCORED)


@pytest.mark.parametrize("seed", range(5))
def test_suppression_is_the_greedy_one_within_each_class(seed: int) -> None:
    random = np.random.RandomState(seed)
    corners = random.uniform(-20, 60, (60, 2))
    boxes = np.concatenate([corners, corners + random.uniform(5, 40, (60, 2))], axis=1).astype(np.float32)
    scores, classes = random.permutation(60).astype(np.float32) / 60, random.randint(0, 3, 60)
    kept: list[int] = []
    for place in np.argsort(-scores):
        if all(classes[one] != classes[place] or overlap(boxes[one], boxes[place]) <= 0.4 for one in kept):
            kept.append(int(place))
    assert LIBRARIES["opencv"]().suppressed(boxes, scores, classes, 0.4).tolist() == kept


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    both = sides.prod()
    return float(both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both))


@pytest.fixture
def spec() -> Any:
    plain = load_spec("b0-cls-r224")
    output = plain.outputs[0].model_copy(update={"channels": 2})
    return plain.model_copy(update={"task": "detection", "outputs": (output,)})


def test_categories_are_classes_by_their_ids_or_by_a_list(tmp_path: Path, spec: Any) -> None:
    data = photographs(tmp_path / "coco")
    shown, empty = open_data_set(data, spec).samples
    assert [one.category for one in shown.label] == [0, 1, 0]
    assert empty.label == ()
    (tmp_path / "names.txt").write_text("dog\ncat\n")
    assert [one.category for one in open_data_set(data, spec, classes=tmp_path / "names.txt").samples[0].label] == [
        1,
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("changes", "listed", "words"),
    [
        ({"categories": [{"id": 17, "name": "cat"}]}, None, "has 1 categories and b0-cls-r224 tells 2 classes apart"),
        ({"categories": [{"id": 17, "name": "cat"}, {"id": 17, "name": "dog"}]}, None, "tells 2 classes apart"),
        ({"categories": [{"id": 17}, {"id": 18, "name": "dog"}]}, None, "category 0: name has to be a text"),
        ({"categories": [{"id": 3, "name": "cat"}, {"id": 18, "name": "dog"}]}, None, "is none of the categories"),
        ({"categories": None}, None, "the field `categories` has to be a list"),
        ({}, "cat\nhorse\n", "horse is not a category"),
    ],
)
def test_categories_that_do_not_fit_are_told(
    tmp_path: Path, spec: Any, changes: dict[str, Any], listed: str | None, words: str
) -> None:
    data = photographs(tmp_path / "coco")
    file = data / "annotations" / "instances_val.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    names = None
    if listed is not None:
        names = tmp_path / "names.txt"
        names.write_text(listed)
    with pytest.raises(UsageError, match=words):
        open_data_set(data, spec, classes=names)


@pytest.mark.parametrize(("shape", "number", "told"), [
    ((1, 896, 16), None, "892 classes and only 16 candidates"),
    ((1, 25200, 85), None, "25196 classes and only 85 candidates"),
    ((1, 84, 8400), None, None),
    ((1, 84, "candidates"), None, None),
    ((1, 84, 60), 80, None),
])  # fmt: skip
def test_boxes_of_another_kind_are_refused_where_their_size_shows_it(
    shape: tuple[int | str, ...], number: int | None, told: str | None
) -> None:
    """Offsets from anchors, and candidates before classes, would be scored as something else without a word."""
    stated = StatedOutput("regressors", "yolo-boxes", number)
    if told is None:
        stated.refuse_other_boxes(shape)
        assert stated.counted(shape, 128) == 80
        return
    with pytest.raises(UsageError, match=f"regressors is {'x'.join(map(str, shape))}.*{told}.*decoded in the graph"):
        stated.refuse_other_boxes(shape)
