"""`bench accuracy` on a network that is trained here: what every runtime gets right is what torch gets right."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from PIL import Image

from bench_worker.runtimes import runtime_class, runtime_names
from latency_bench.harness.accuracy import evaluation, pieces
from latency_bench.harness.cli.accuracy import accuracy as accuracy_command
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.reader import StoredAccuracy, read_accuracy
from latency_bench.model_specs import catalog

CLASSES, SIZE, EACH = 10, 16, 12
TRAINED = 400
"""Images, so few that some of the others are taken for another digit."""
NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2))
        self.head = nn.Linear(72, classes)

    def forward(self, image):
        return self.head(self.body(image).relu().flatten(1))
"""
NETWORK = ("--module", "mynet.py:Net", "--input", f"3x{SIZE}x{SIZE}", "--name", "digits", "--weights", "net.pt")
PIXELS = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225", "--channel-order", "rgb")
STATED = (*NETWORK, "--whole-image", "--interpolation", "bicubic", *PIXELS, "--output-is", "output=class-scores")


def pixels(digit: np.ndarray) -> np.ndarray:
    """One of scikit-learn's handwritten digits (8x8, 0 to 16) as grey pixels of the network's size."""
    grey = Image.fromarray((digit * 255 / 16).astype(np.uint8))
    return np.asarray(grey.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mynet.py, net.pt, and images/CLASS/*.png with a file that is none. The digits come with scikit-learn: the network
    learns the first of them, and the images are of those that come last."""
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("accuracy")
    (folder / "mynet.py").write_text(NET)
    digits, labels = load_digits(return_X_y=True)
    grey = np.stack([pixels(digit.reshape(8, 8)) for digit in digits])
    torch.manual_seed(0)
    network = made_network()
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    known, expected = as_fed(grey[:TRAINED]), torch.from_numpy(labels[:TRAINED]).long()
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(network(known), expected)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.save(network.state_dict(), folder / "net.pt")
    for label in range(CLASSES):
        place = folder / "images" / f"digit-{label}"
        place.mkdir(parents=True)
        for number, image in enumerate(grey[TRAINED:][labels[TRAINED:] == label][-EACH:]):
            Image.fromarray(image).save(place / f"{number:02}.png")
    (folder / "images" / "digit-0" / "broken.jpg").write_bytes(b"no image")
    return folder


def made_network() -> torch.nn.Module:
    names: dict[str, object] = {}
    exec(compile(NET, "mynet.py", "exec"), names)  # noqa: S102 - this test's own network
    return names["Net"]()  # type: ignore[operator, no-any-return]


def as_fed(grey: np.ndarray) -> torch.Tensor:
    """(count, height, width) of bytes as the network takes them."""
    mean, std = (torch.tensor(part).reshape(3, 1, 1) for part in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (torch.tensor(grey)[:, None].expand(-1, 3, -1, -1) / 255 - mean) / std


def right_by_torch(lab: Path) -> dict[str, bool]:
    """Of each image whether torch alone takes it for what it is."""
    network = made_network()
    network.load_state_dict(torch.load(lab / "net.pt", weights_only=True))
    right = {}
    for path in sorted((lab / "images").rglob("*.png")):
        with torch.inference_mode():
            logits = network(as_fed(np.asarray(Image.open(path))[None]))
        right[f"{path.parent.name}/{path.name}"] = int(logits.argmax()) == int(path.parent.name[-1])
    return right


@pytest.fixture
def accuracy(bench, lab, tmp_path):
    for name in ("mynet.py", "net.pt"):
        (tmp_path / name).write_bytes((lab / name).read_bytes())

    def run(*words):
        return bench("accuracy", *STATED, "--data", str(lab / "images"), *words)

    return run


QUICK = ("onnxruntime", "openvino", "ncnn", "mnn")
"""To export for; the others are as good, and are tried with the slow tests."""


@pytest.mark.parametrize(
    "runtime",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in runtime_names()
        if not runtime_class(name).ON_GPU
    ],
)
def test_every_runtime_is_right_where_torch_is(accuracy, lab, tmp_path, runtime):
    done = accuracy("--runtime", runtime, "--json")
    assert done.returncode == 0, done.stderr
    found, right = done.json(), right_by_torch(lab)
    path = Path(found["path"])
    names, columns, counts = StoredAccuracy(path, read_accuracy(path)).images()
    assert dict(zip(names, counts[:, columns.index("top-1")] == 1, strict=True)) == right
    assert found["images"] == CLASSES * EACH
    assert found["metrics"]["top-1"]["value"] == pytest.approx(100 * sum(right.values()) / len(right))
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
    assert "channels rgb, output output=class-scores:10 (the command)" in shown
    assert "left out: 1 image: it is not an image in one of the formats" in shown
    assert "(digit-0/broken.jpg)" in " ".join(shown.split())
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
    first = accuracy(*labels("right.csv", 0, len(images)), *words).json()
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
    data = ("--data", str(lab / "images" / "digit-1"), "--layout", "unlabelled")
    done = bench("accuracy", "--model", "b0-cls-r224", *data, "--store", "/proc/nope")
    assert done.returncode == 1, done.stderr
    assert "/proc/nope" in done.stderr
    assert "exporting" not in done.stderr
    assert "Traceback" not in done.stderr


def test_images_that_go_away_meanwhile_are_not_left_out_for_good(lab, tmp_path, monkeypatch, bench_environment):
    images = tmp_path / "images"
    shutil.copytree(lab / "images", images)
    first = next(images.rglob("*.png"))
    finish = evaluation._Scoring._finish

    def without_its_first(scoring, number):
        first.unlink(missing_ok=True)
        finish(scoring, number)

    monkeypatch.setattr(evaluation._Scoring, "_finish", without_its_first)
    monkeypatch.setattr(catalog, "_added", {})
    monkeypatch.chdir(lab)
    for name, value in bench_environment.items():
        monkeypatch.setenv(name, value)
    words = ("--data", str(images), "--runtime", "onnxruntime", "--store", str(tmp_path / "store"), "--quiet")
    with pytest.raises(UsageError, match="went away while they were scored"):
        accuracy_command.main([*STATED, *words], standalone_mode=False)
    assert not list((tmp_path / "store").rglob("record.json"))


def test_what_is_ended_in_its_second_piece_goes_on_with_that_one(lab, tmp_path, monkeypatch, bench_environment):
    """It is not stored, what was finished is not scored again, and nothing goes on in the background."""
    finish, begun = evaluation._Scoring._finish, []

    def watched(scoring, number):
        begun.append(number)
        if len(begun) == 2:
            raise KeyboardInterrupt
        finish(scoring, number)

    monkeypatch.setattr(evaluation._Scoring, "_finish", watched)
    monkeypatch.setattr(pieces, "_MOST_IN_A_PIECE", 50)
    monkeypatch.setattr(catalog, "_added", {})
    monkeypatch.chdir(lab)
    for name, value in bench_environment.items():
        monkeypatch.setenv(name, value)
    words = ("--data", "images", "--runtime", "onnxruntime", "--store", str(tmp_path / "store"), "--quiet")
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        accuracy_command.main([*STATED, *words], standalone_mode=False)
    assert not list((tmp_path / "store").rglob("record.json"))
    assert not [one for one in threading.enumerate() if one.name.startswith(("batches", "images"))]
    monkeypatch.setattr(catalog, "_added", {})
    accuracy_command.main([*STATED, *words], standalone_mode=False)
    assert begun == [0, 1, 1, 2]
    (record,) = (tmp_path / "store").rglob("record.json")
    assert json.loads(record.read_text())["images"] == CLASSES * EACH
