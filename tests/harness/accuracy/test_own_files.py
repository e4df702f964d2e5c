"""`bench accuracy` of files without a spec: what they do not say is asked for, and what is stated is what is fed.

The graphs compute what anybody can work out: the mean of each channel, each pixel itself, each pixel twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from latency_bench.harness.accuracy.own_subject import own_subject
from latency_bench.harness.accuracy.stated import StatedOutput, Statement
from latency_bench.harness.errors import UsageError
from latency_bench.harness.model_file.open_file import open_model_file
from latency_bench.model_specs import load_spec

SIZE = 16
NODES = onnx.helper.make_node
PIXELS = ("--mean", "0", "--std", "1/255")
WHOLE = ("--whole-image", "--interpolation", "bilinear")
RGB = ("--channel-order", "rgb")


def graph(
    path: Path, shape: Sequence[int], output: Sequence[int | str], *nodes: onnx.NodeProto, dtype: str = "FLOAT",
    gives: str = "FLOAT",
) -> None:  # fmt: skip
    """From `photo` to `answer`."""
    types, info = onnx.TensorProto, onnx.helper.make_tensor_value_info
    scales = onnx.numpy_helper.from_array(np.array([1.0, 1.0, 2.0, 2.0], np.float32), "scales")
    constants = [scales] if any("scales" in node.input for node in nodes) else []
    made = onnx.helper.make_graph(
        list(nodes), "graph", [info("photo", getattr(types, dtype), shape)],
        [info("answer", getattr(types, gives), output)], constants,
    )  # fmt: skip
    onnx.save(onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)


CHANNEL_FIRST, CHANNEL_LAST = (1, 3, SIZE, SIZE), (1, SIZE, SIZE, 3)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """means.onnx (class-scores, channels first), pixels.onnx (its input bytes, channels last), classes.onnx (the class
    of each pixel), itself.onnx (each pixel's channels as its scores, channels last), twice.onnx (super-resolution)."""
    mean = {"axes": [2, 3], "keepdims": 0}
    graph(tmp_path / "means.onnx", CHANNEL_FIRST, (1, 3), NODES("ReduceMean", ["photo"], ["answer"], **mean))
    graph(
        tmp_path / "pixels.onnx", CHANNEL_LAST, (1, 3),
        NODES("Cast", ["photo"], ["real"], to=onnx.TensorProto.FLOAT),
        NODES("ReduceMean", ["real"], ["answer"], axes=[1, 2], keepdims=0), dtype="UINT8",
    )  # fmt: skip
    graph(
        tmp_path / "classes.onnx", CHANNEL_FIRST, (1, 1, SIZE, SIZE),
        NODES("ArgMax", ["photo"], ["answer"], axis=1, keepdims=1), gives="INT64",
    )  # fmt: skip
    graph(tmp_path / "itself.onnx", CHANNEL_LAST, CHANNEL_LAST, NODES("Identity", ["photo"], ["answer"]))
    graph(
        tmp_path / "twice.onnx", CHANNEL_FIRST, (1, 3, "high", "wide"),
        NODES("Resize", ["photo", "", "scales"], ["answer"], mode="nearest"),
    )  # fmt: skip
    return tmp_path


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Five photographs a folder in which red, green or blue prevails, each more than the one before."""
    random = np.random.RandomState(0)
    for channel, name in enumerate(("0-red", "1-green", "2-blue")):
        (tmp_path / "colours" / name).mkdir(parents=True)
        for number in range(5):
            pixels = random.randint(60, 70, (SIZE, SIZE, 3))
            pixels[..., channel] += 15 * (number + 1)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "colours" / name / f"{number}.png")
    return tmp_path / "colours"


@pytest.mark.parametrize(
    ("words", "top_1"),
    [
        (("--onnx", "means.onnx", *WHOLE, *PIXELS, *RGB, "--output-is", "answer=class-scores"), 100),
        (("--onnx", "means.onnx", *WHOLE, *PIXELS, "--channel-order", "bgr", "--output-is", "answer=class-scores"),
         100 / 3),
        (("--onnx", "pixels.onnx", "--crop-share", "1", "--interpolation", "bicubic", *RGB,
          "--output-is", "answer=class-scores:3"), 100),
        (("--onnx", "means.onnx", "--prepared-as", "b1-cls-r224", "--output-is", "answer=class-scores"), None),
    ],
)  # fmt: skip
def test_classes_of_a_file(bench: Any, files: Path, colours: Path, words: Sequence[str], top_1: float | None) -> None:
    """In the wrong order of channels red and blue are mistaken for each other."""
    done = bench("accuracy", *words, "--data", str(colours), "--json")
    assert done.returncode == 0, done.stderr
    document = done.json()
    if top_1 is None:
        top_1 = 100 * right_with_imagenet_values(colours) / 15
    assert document["metrics"]["top-1"]["value"] == pytest.approx(top_1)
    assert list(document["metrics"]) == ["top-1"], "of three classes the best five are all"
    shown = bench("results", "show", document["run_id"], "--json").json()
    assert shown["preparation"]["output"] == "answer=class-scores:3"
    assert len(shown["preparation"]["mean"]) == 3


def right_with_imagenet_values(colours: Path) -> int:
    """By numpy alone: the largest of the channels' normalised means."""
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    right = 0
    for path in colours.rglob("*.png"):
        light = np.asarray(Image.open(path)).mean(axis=(0, 1)) / 255
        right += int(((light - mean) / std).argmax()) == int(path.parent.name[0])
    return right


def test_the_accuracy_and_the_run_of_a_file_refer_to_each_other(bench: Any, files: Path, colours: Path) -> None:
    run = bench("run", "--onnx", "means.onnx", "--protocol", "quick", "--rounds", "1", "--json").json()
    words = (*WHOLE, *PIXELS, *RGB, "--output-is", "answer=class-scores", "--data", str(colours), "--json")
    first = bench("accuracy", "--onnx", "means.onnx", *words)
    assert first.json()["runs"] == [run["run_id"]]
    again = bench("accuracy", "--onnx", "means.onnx", *words)
    assert "image 1 of" not in again.stderr, "nothing is scored twice"
    other = bench("accuracy", "--onnx", "means.onnx", *words, "--mean", "0.5")
    assert "image 1 of 15" in other.stderr, "other values are other images to the network"


@pytest.mark.parametrize(
    "words",
    [("--onnx", "itself.onnx", "--output-is", "answer=pixel-scores-nhwc"),
     ("--onnx", "classes.onnx", "--output-is", "answer=pixel-classes:3")],
)  # fmt: skip
def test_maps_of_a_file(bench: Any, files: Path, words: Sequence[str]) -> None:
    """A picture of four stripes, of which one is labelled as another class: two classes have an overlap of a half."""
    folder = files / "city"
    for name in ("leftImg8bit", "gtFine"):
        (folder / name / "val" / "town").mkdir(parents=True)
    pixels, label = np.zeros((SIZE, SIZE, 3), np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    for stripe, (channel, kind) in enumerate([(0, 0), (0, 1), (1, 1), (2, 2)]):
        rows = slice(stripe * SIZE // 4, (stripe + 1) * SIZE // 4)
        pixels[rows, :, channel], label[rows] = 200, kind
    Image.fromarray(pixels).save(folder / "leftImg8bit" / "val" / "town" / "a_leftImg8bit.png")
    Image.fromarray(label).save(folder / "gtFine" / "val" / "town" / "a_gtFine_labelTrainIds.png")
    Image.fromarray(pixels).save(folder / "leftImg8bit" / "val" / "town" / "b_leftImg8bit.png")
    Image.fromarray(label + 3).save(folder / "gtFine" / "val" / "town" / "b_gtFine_labelTrainIds.png")
    done = bench("accuracy", *words, *WHOLE, *PIXELS, *RGB, "--data", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    assert done.json()["skipped"] == {"its label has class 5, and the network has 3, from 0": 1}
    values = {name: one["value"] for name, one in done.json()["metrics"].items()}
    assert values == pytest.approx({"mIoU": 100 * (0.5 + 0.5 + 1) / 3, "pixel accuracy": 75})


def test_images_of_a_file(bench: Any, files: Path) -> None:
    """Blocks of two by two pixels come back as they were; the number of times is stated, as the file leaves it open."""
    small = np.random.RandomState(0).randint(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    for name, pixels in (("LR", small), ("HR", small.repeat(2, axis=0).repeat(2, axis=1))):
        (files / "set" / name).mkdir(parents=True)
        Image.fromarray(pixels).save(files / "set" / name / "a.png")
    words = ("--onnx", "twice.onnx", "--mean", "0", "--std", "1", *RGB, "--data", str(files / "set"), "--json")
    done = bench("accuracy", *words, "--output-is", "answer=image:2")
    assert done.returncode == 0, done.stderr
    assert {name: one["value"] for name, one in done.json()["metrics"].items()} == pytest.approx(
        {"PSNR": 100, "SSIM": 1}
    )
    asked = bench("accuracy", *words, "--output-is", "answer=image")
    assert (asked.returncode, "by how much images are enlarged" in asked.stderr) == (2, True)


Words = Sequence[str]


@pytest.mark.parametrize(
    ("words", "answers", "complaints"),
    [
        ((), 2, ["what its output is (it has answer 1x3)", "how images are resized", "by which filter", "normalised",
                 "red, green, blue", "--output-is answer=class-scores --crop-share 1 --interpolation bilinear --mean",
                 "--channel-order rgb"]),
        ((*WHOLE, *PIXELS, "--output-is", "answer=class-scores"), 2, ["nothing says whether its channels are red"]),
        (("--prepared-as", "b1-cls-r224"), 2, ["nothing says what its output is", "--output-is answer=class-scores"]),
        (("--output-is", "logits=class-scores"), 2, ["has no output logits; there are answer"]),
        (("--output-is", "answer=class-scores:5"), 2, ["by its size, answer has classes 3"]),
        (("--output-is", "answer=pixel-classes"), 2, ["how many classes there are", "answer=pixel-classes:19"]),
        (("--output-is", "answer=classes"), 2, ["Meanings: class-scores, pixel-scores"]),
        (("--mean", "1,2"), 2, ["is not a number for each channel"]),
        (("--mean", "nan"), 2, ["is not a number for each channel"]),
        (("--std", "0"), 2, ["more than 0"]),
        (("--mean", "1/0"), 2, ["is not a number for each channel"]),
        (("--mean", "0.5"), 2, ["--mean and --std go together"]),
        (("--crop-share", "0.9", "--whole-image"), 2, ["does not crop"]),
        (("--input", "photo=0"), 2, ["fed the images of --data"]),
        (("--weights", "means.onnx"), 2, ["a file is measured as it is; --weights is for --model"]),
        (("--model", "b0-cls-r224"), 2, ["name one --model"]),
        ((*WHOLE, *PIXELS, *RGB, "--output-is", "answer=class-scores", "--layout", "unlabelled"), 2,
         ["a file has no fp32 module to be held against"]),
    ],
)  # fmt: skip
def test_what_is_not_stated_is_a_question(
    bench: Any, files: Path, colours: Path, words: Words, answers: int, complaints: Words
) -> None:
    done = bench("accuracy", "--onnx", "means.onnx", *words, "--data", str(colours))
    assert done.returncode == answers, done.stderr
    for complaint in complaints:
        assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_the_line_that_is_offered_can_be_copied(bench: Any, files: Path, colours: Path) -> None:
    asked = bench("accuracy", "--onnx", "means.onnx", "--data", str(colours))
    line = next(one for one in asked.stderr.splitlines() if one.startswith("  --"))
    assert bench("accuracy", "--onnx", "means.onnx", "--data", str(colours), *line.split()).returncode == 0


def test_what_takes_no_image_is_told(tmp_path: Path) -> None:
    add = NODES("Identity", ["photo"], ["answer"])
    of = "does not take one image of three channels"
    for number, (shape, dtype) in enumerate([((1, 1, 8, 8), "FLOAT"), ((1, 3, 8, 8), "INT32"), ((1, 48), "FLOAT")]):
        file = tmp_path / f"{number}.onnx"
        graph(file, shape, shape, add, dtype=dtype, gives=dtype)
        with pytest.raises(UsageError, match=of):
            own_subject(open_model_file(file, "onnx").spec, Statement())


@pytest.mark.parametrize(
    ("meaning", "shape", "expected"),
    [
        ("class-scores", (1, 10, 1, 1), (1, 10)),
        ("pixel-scores", (1, 19, 4, 8), (1, 19, 4, 8)),
        ("pixel-scores-nhwc", (1, 4, 8, 19), (1, 19, 4, 8)),
        ("pixel-classes", (1, 4, 8), (1, 4, 8)),
        ("pixel-classes", (1, 1, 4, 8), (1, 4, 8)),
        ("pixel-classes", (1, 4, 8, 1), (1, 4, 8)),
        ("image-nhwc", (1, 4, 8, 3), (1, 3, 4, 8)),
        ("image", (4, 8), None),
        ("pixel-classes", (1, 3, 4, 8), None),
    ],
)
def test_outputs_as_scoring_has_them(meaning: str, shape: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    output = StatedOutput("answer", meaning)
    if expected is None:
        with pytest.raises(UsageError, match=f"which is not {meaning}"):
            output.channel_first(np.zeros(shape))
    else:
        assert output.channel_first(np.zeros(shape)).shape == expected


def test_a_module_states_what_its_spec_does_not() -> None:
    """Its outputs have sizes; an input of bytes is normalised by the file, with the values of the spec."""
    spec = load_spec("b1-cls-r224").model_copy(update={"task": "generic", "preparation": None})
    stated = Statement(
        whole_image=True,
        interpolation="bilinear",
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        channel_order="rgb",
        output_is="logits=class-scores",
    )
    subject = own_subject(spec, stated)
    assert (subject.spec.task, subject.spec.outputs[0].channels) == ("classification", 1000)
    assert subject.spec.inputs[0].normalisation == ((0.5,) * 3, (0.5,) * 3)
    with pytest.raises(UsageError, match="--input-type uint8: the file normalises pixels by"):
        own_subject(spec.carrying("uint8"), stated)
