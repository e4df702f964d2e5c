"""`bench run --like RUN`: the same case by the same protocol, what differs said before, the comparison after."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

PROTOCOL = "\n".join(
    [
        "name: mine",
        "rounds: 2",
        "campaign_rounds: 2",
        "warmup: {min_count: 2, max_count: 20, min_s: 0.01, max_s: 0.5, window: 3}",
        "sampling: {min_count: 12, max_count: 50, min_s: 0.02, max_s: 5, relative_interval: 0.5, confidence: 0.95}",
    ]
)


@pytest.fixture
def first(bench, tmp_path):
    """A run whose protocol and file are no longer there."""
    protocol = tmp_path / "mine.yaml"
    protocol.write_text(PROTOCOL)
    words = ("--model", "b0-cls-r224", "--resolution", "64x96", "--runtime", "onnxruntime", "--threads", "2")
    done = bench(
        "run", *words, "--protocol", str(protocol), "--runtime-option", "spin=false", "--rounds", "3", "--json"
    )
    assert done.returncode == 0, done.stderr
    protocol.unlink()
    return done.json()


def test_the_same_case_is_measured_again_and_compared(bench, first):
    done = bench("run", "--like", first["run_id"], "--label", "commit=1a2b3c4", "--json")
    assert done.returncode == 0, done.stderr
    again = done.json()
    then, now = (json.loads((Path(run["path"]) / "record.json").read_text()) for run in (first, again))
    assert now["run_id"] != then["run_id"]
    for part in ("model", "protocol"):
        assert now[part] == then[part]
    for part in ("name", "version", "options"):
        assert now["runtime"][part] == then["runtime"][part]
    assert now["artifact"]["sha256"] == then["artifact"]["sha256"]
    assert len(now["rounds"]) == len(then["rounds"]) == 3
    assert now["labels"] == {"commit": "1a2b3c4"}
    assert "the same file as then" in done.stderr
    (case,) = again["compared"]["cases"]
    assert (case["runs_a"], case["runs_b"]) == ([then["run_id"]], [now["run_id"]])
    assert case["obstacles"] == []


def test_what_another_version_measured_is_said_before(bench, first, tmp_path):
    record_file = Path(first["path"]) / "record.json"
    record = json.loads(record_file.read_text())
    record["software"]["packages"]["timm"] = "0.0.1"
    record["artifact"]["sha256"] = "0" * 64
    sent = tmp_path / "sent"
    sent.mkdir()
    (sent / "record.json").write_text(json.dumps(record))
    (sent / "samples.parquet").write_bytes((record_file.parent / "samples.parquet").read_bytes())
    done = bench("run", "--like", "./sent", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    before, _, measuring = done.stderr.partition("round 1 of 1")
    assert "timm 0.0.1 then" in before
    assert "not the same file" in before
    assert measuring
    assert f"A: {record['run_id']}, then" in done.stdout


def test_what_would_make_it_another_case_is_refused(bench, first, tmp_path):
    (tmp_path / "WEIGHTS").write_bytes(b"weights")
    for words, message in (
        (("--model", "b0-seg"), "--model"),
        (("--runtime", "litert"), "--runtime"),
        (("--protocol", "quick"), "--protocol"),
        (("--onnx", "a.onnx"), "did not measure a file"),
        (("--weights", "WEIGHTS"), "used no checkpoint"),
    ):
        done = bench("run", "--like", first["run_id"], *words)
        assert done.returncode == 2, (words, done.stderr)
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_file_is_brought_again_and_has_to_be_the_same_one(bench, brief, tmp_path):
    onnx = pytest.importorskip("onnx")
    for name, operator in (("mine", "Relu"), ("other", "Neg")):
        ends = [onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, [1, 3, 8, 8]) for end in "xy"]
        graph = onnx.helper.make_graph([onnx.helper.make_node(operator, ["x"], ["y"])], "g", ends[:1], ends[1:])
        opsets = [onnx.helper.make_opsetid("", 13)]
        onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), str(tmp_path / f"{name}.onnx"))
    run = bench("run", "--onnx", "mine.onnx", "--name", "mine", *brief, "--json").json()
    alone = bench("run", "--like", run["run_id"])
    assert alone.returncode == 2
    assert "name it" in alone.stderr
    again = bench("run", "--like", run["run_id"], "--onnx", "mine.onnx", "--name", "mine", "--json")
    assert again.returncode == 0, again.stderr
    assert again.json()["compared"]["cases"][0]["obstacles"] == []
    other = bench("run", "--like", run["run_id"], "--onnx", "other.onnx", "--name", "mine")
    assert "not the same file" in other.stderr


def test_a_run_shows_the_command_alone(bench, store_run):
    run = store_run()
    command = json.loads((run / "record.json").read_text())["command"]
    (shown,) = bench("results", "show", run.name, "--command").stdout.splitlines()
    assert shlex.split(shown) == command


NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3)

    def forward(self, image):
        return self.body(image).relu().mean(dim=(2, 3))
"""


def test_a_network_in_a_file_is_named_again_and_has_to_be_the_same_one(bench, brief, tmp_path):
    (tmp_path / "mynet.py").write_text(NET)
    module = ("--module", "mynet.py:Net", "--input", "3x8x8", "--runtime", "onnxruntime")
    run = bench("run", *module, "--arguments", "width=4", *brief, "--json").json()
    like = ("run", "--like", run["run_id"])
    alone = bench(*like)
    assert alone.returncode == 2
    assert "name it with --module mynet.py:Net, and its --arguments" in alone.stderr
    other = bench(*like, *module[:4], "--arguments", "width=5")
    assert other.returncode == 2
    assert f"{run['run_id']} measured {run['model']}" in other.stderr
    again = bench(*like, *module[:4], "--arguments", "width=4", "--json")
    assert again.returncode == 0, again.stderr
    assert "the same file as then" in again.stderr
    assert again.json()["compared"]["cases"][0]["obstacles"] == []
