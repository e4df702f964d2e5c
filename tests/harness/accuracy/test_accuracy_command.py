"""`bench accuracy` on a network that is trained here: what every runtime gets right is what torch gets right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from PIL import Image

from latency_bench.harness.accuracy import evaluation, pieces
from latency_bench.harness.cli.accuracy import accuracy as accuracy_command
from latency_bench.model_specs import catalog

CLASSES, SIZE = 6, 24
NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=6):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 12, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(12, 16, 3, stride=2))
        self.head = nn.Linear(16, classes)

    def forward(self, image):
        return self.head(self.body(image).relu().mean(dim=(2, 3)))
"""
NETWORK = ("--module", "mynet.py:Net", "--input", f"3x{SIZE}x{SIZE}", "--name", "stripes", "--weights", "net.pt")
PIXELS = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225", "--channel-order", "rgb")
STATED = (*NETWORK, "--whole-image", "--interpolation", "bicubic", *PIXELS, "--output-is", "output=class-scores")


def stripes(label: int, random: np.random.RandomState) -> np.ndarray:
    """Stripes of an angle for each class, in noise that makes some of them hard to tell."""
    angle = np.pi * label / CLASSES
    y, x = np.mgrid[:SIZE, :SIZE]
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 0.9 + random.uniform(0, 6.28))
    light = 0.5 + 0.1 * wave[..., None] + 0.45 * random.standard_normal((SIZE, SIZE, 3))
    return (np.clip(light, 0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mynet.py, net.pt, and images/CLASS/*.png with a few files that are none."""
    folder = tmp_path_factory.mktemp("accuracy")
    (folder / "mynet.py").write_text(NET)
    names: dict[str, object] = {}
    exec(compile(NET, "mynet.py", "exec"), names)  # noqa: S102 - this test's own network
    torch.manual_seed(0)
    network = names["Net"]()  # type: ignore[operator]
    random = np.random.RandomState(0)
    mean, std = (torch.tensor(part).reshape(3, 1, 1) for part in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(120):
        labels = random.randint(0, CLASSES, 48)
        batch = torch.stack([torch.from_numpy(stripes(one, random)).permute(2, 0, 1) / 255 for one in labels])
        loss = torch.nn.functional.cross_entropy(network((batch - mean) / std), torch.from_numpy(labels))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.save(network.state_dict(), folder / "net.pt")
    for label in range(CLASSES):
        place = folder / "images" / f"angle-{label}"
        place.mkdir(parents=True)
        for number in range(12):
            Image.fromarray(stripes(label, random)).save(place / f"{number:02}.png")
    (folder / "images" / "angle-0" / "broken.jpg").write_bytes(b"no image")
    return folder


def right_by_torch(lab: Path) -> int:
    names: dict[str, object] = {}
    exec(compile(NET, "mynet.py", "exec"), names)  # noqa: S102 - this test's own network
    network = names["Net"]()  # type: ignore[operator]
    network.load_state_dict(torch.load(lab / "net.pt", weights_only=True))
    mean, std = (np.array(part) for part in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    right = 0
    for label in range(CLASSES):
        for path in sorted((lab / "images" / f"angle-{label}").glob("*.png")):
            values = (np.asarray(Image.open(path)) / 255 - mean) / std
            with torch.inference_mode():
                logits = network(torch.from_numpy(values.transpose(2, 0, 1)[None].astype(np.float32)))
            right += int(logits.argmax()) == label
    return right


@pytest.fixture
def accuracy(bench, lab, tmp_path):
    for name in ("mynet.py", "net.pt"):
        (tmp_path / name).write_bytes((lab / name).read_bytes())

    def run(*words):
        return bench("accuracy", *STATED, "--data", str(lab / "images"), *words)

    return run


@pytest.mark.parametrize(
    "runtime", ["onnxruntime", *(pytest.param(name, marks=pytest.mark.slow) for name in ("litert", "torch"))]
)
def test_every_runtime_is_right_where_torch_is(accuracy, lab, tmp_path, runtime):
    done = accuracy("--runtime", runtime, "--json")
    assert done.returncode == 0, done.stderr
    found = done.json()
    assert found["images"] == CLASSES * 12
    assert found["metrics"]["top-1"]["value"] == pytest.approx(100 * right_by_torch(lab) / (CLASSES * 12))
    assert 60 < found["metrics"]["top-1"]["value"] < 100, "a network worth testing with"
    assert found["metrics"]["top-1"]["low"] < found["metrics"]["top-1"]["value"] < found["metrics"]["top-1"]["high"]
    assert sum(found["skipped"].values()) == 1
    assert str(tmp_path) not in json.dumps(found["data"])


def test_what_was_scored_is_stored_listed_shown_verified_and_sent(accuracy, bench, tmp_path):
    first = accuracy("--runtime", "onnxruntime", "--json").json()
    assert [one["run_id"] for one in bench("results", "ls", "--accuracy", "--json").json()] == [first["run_id"]]
    assert bench("results", "ls", "--json").json() == [], "an accuracy is no run"
    shown = bench("results", "show", first["run_id"]).stdout
    assert "top-1" in shown
    assert "prepared as: stretch, bicubic, mean [0.485, 0.456, 0.406], std" in shown
    assert "channels rgb, output output=class-scores:6 (the command)" in shown
    assert "left out: 1 image: it is not an image in one of the formats" in shown
    assert bench("results", "verify").returncode == 0
    sent = bench("results", "import", str(tmp_path / "store"), "--store", str(tmp_path / "other"))
    assert sent.returncode == 0, sent.stderr
    assert (tmp_path / "other" / "local" / "_accuracy" / first["run_id"] / "images.parquet").is_file()
    images = Path(first["path"]) / "images.parquet"
    images.write_bytes(images.read_bytes()[:-3] + b"xyz")
    assert bench("results", "verify").returncode == 1


def test_the_same_command_goes_on_where_it_was_stopped_and_two_are_held_against_each_other(accuracy, bench, brief):
    first = accuracy("--runtime", "onnxruntime", "--json").json()
    again = accuracy("--runtime", "onnxruntime", "--against", first["run_id"], "--json")
    assert "image 1 of" not in again.stderr, "nothing is scored twice"
    assert again.json()["difference"]["top-1"] == {"value": 0, "low": 0, "high": 0}
    run = bench("run", *NETWORK, "--runtime", "onnxruntime", *brief, "--json").json()
    after = accuracy("--runtime", "onnxruntime", "--json").json()
    assert after["runs"] == [run["run_id"]]
    assert after["artifact_sha256"] == first["artifact_sha256"]


def test_other_labels_of_the_same_images_are_no_difference(accuracy, bench, lab, tmp_path):
    images = sorted(path for path in (lab / "images").rglob("*.png"))

    def labels(name, shift, count):
        rows = [
            f"{path.relative_to(lab / 'images')},{(int(path.parent.name[-1]) + shift) % CLASSES}" for path in images
        ]
        (tmp_path / name).write_text("\n".join(["file,label", *rows[:count]]))
        return "--labels", name

    words = ("--runtime", "onnxruntime", "--json")
    first = accuracy(*labels("right.csv", 0, 72), *words).json()
    fewer = accuracy(*labels("fewer.csv", 0, 50), *words, "--against", first["run_id"]).json()
    assert fewer["difference"]["top-1"]["value"] == 0, "the same labels of fewer images"
    other = accuracy(*labels("other.csv", 1, 50), *words, "--against", first["run_id"]).json()
    assert "50 of the 50 images that both have were held against other labels" in other["difference"]


def test_the_gate_has_budgets_of_accuracy(accuracy, bench, tmp_path):
    assert bench("gate", "--min-accuracy", "50").returncode == 2, "there is no accuracy yet"
    found = accuracy("--runtime", "onnxruntime", "--json").json()["metrics"]["top-1"]
    for least, answer in ((found["low"] - 1, "fine"), (found["high"] + 0.1, "worse"), (found["value"], "cannot tell")):
        judged = bench("gate", "--min-accuracy", f"{least:.4f}", "--json").json()
        assert judged["answer"] == answer
    shutil.copytree(tmp_path / "store", tmp_path / "old")
    fine = bench("gate", "old", "--max-drop", "0.5", "--json")
    assert "at most 0.5 points lost" in fine.stdout
    (case,) = [case for case in fine.json()["cases"] if "points lost" in case["name"]]
    assert case["answer"] == "fine"


def test_without_labels_the_device_is_held_against_the_module(bench, lab, tmp_path):
    for name in ("mynet.py", "net.pt"):
        (tmp_path / name).write_bytes((lab / name).read_bytes())
    words = ("--data", str(lab / "images"), "--layout", "unlabelled", "--limit", "20")
    done = bench("accuracy", *STATED, *words, "--runtime", "onnxruntime")
    assert done.returncode == 0, done.stderr
    assert "agreement with the fp32 module and not accuracy" in done.stdout
    assert "100.00 %" in done.stdout
    judged = bench("gate", "--min-accuracy", "50")
    assert (judged.returncode, "agreements with the fp32 module alone" in judged.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model", "l0-sam"), "l0-sam"),
        (("--model", "b0-cls-r224", "--data", "nowhere"), "no such folder"),
        (("--model", "b0-cls-r224", "--against", "nothing"), "does not hold any run"),
        ((), "name one --model"),
        (("--model", "b0-cls-r224", "--mean", "0.5"), "--mean is for files and networks of your own"),
    ],
)
def test_wrong_requests(bench, lab, words, message):
    data = () if "--data" in words else ("--data", str(lab / "images"))
    done = bench("accuracy", *words, *data)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_takes_nothing_is_said_before_images_are_scored(bench, lab):
    data = ("--data", str(lab / "images" / "angle-1"), "--layout", "unlabelled")
    done = bench("accuracy", "--model", "b0-cls-r224", *data, "--store", "/proc/nope")
    assert done.returncode == 1, done.stderr
    assert "/proc/nope" in done.stderr
    assert "exporting" not in done.stderr
    assert "Traceback" not in done.stderr


def test_of_a_piece_that_is_done_its_counts_stay_and_nothing_else(lab, tmp_path, monkeypatch, bench_environment):
    """ImageNet's 50,000 images would otherwise be 30 GB of inputs by the end. What is ended in its second piece is not
    stored, and goes on with that one."""
    scored, left = evaluation._scored, []

    def watched(samples, artifact, judge, device, folder):
        left.append([path for path in folder.parent.rglob("*") if path.is_file()])
        if len(left) == 2:
            raise KeyboardInterrupt
        return scored(samples, artifact, judge, device, folder)

    monkeypatch.setattr(evaluation, "_scored", watched)
    monkeypatch.setattr(pieces, "_MOST_IN_A_PIECE", 30)
    monkeypatch.setattr(catalog, "_added", {})
    monkeypatch.chdir(lab)
    for name, value in bench_environment.items():
        monkeypatch.setenv(name, value)
    words = ("--data", "images", "--runtime", "onnxruntime", "--store", str(tmp_path / "store"), "--quiet")
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        accuracy_command.main([*STATED, *words], standalone_mode=False)
    assert not list((tmp_path / "store").rglob("record.json"))
    monkeypatch.setattr(catalog, "_added", {})
    accuracy_command.main([*STATED, *words], standalone_mode=False)
    assert left == [[]] * 4, "three pieces of 73 images, of which one was begun twice"
    (record,) = (tmp_path / "store").rglob("record.json")
    assert json.loads(record.read_text())["images"] == CLASSES * 12
