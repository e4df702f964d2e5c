"""`--input-type`: pixels are fed to the artifact, as a case of its own in the record, the run table and reports."""

from __future__ import annotations

import pytest

from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import READS, conditions_from
from latency_bench.harness.identity.workload import Workload

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3, stride=2)

    def forward(self, image):
        return self.body(image).relu().mean(dim=(2, 3))
"""


def test_a_run_of_pixels_is_checked_by_value_and_told_apart(bench, brief, tmp_path) -> None:
    (tmp_path / "mynet.py").write_text(NET)
    network = ("--module", "mynet.py:Net", "--input", "3x24x32", "--name", "net")
    done = bench("run", *network, "--input-type", "uint8", "--runtime", "onnxruntime", *brief, "--json")
    assert done.returncode == 0, done.stderr
    shown = bench("results", "show", done.json()["run_id"], "--json").json()
    assert shown["model"]["inputs"] == "uint8"
    (given,) = shown["artifact"]["facts"]["inputs"]
    assert (given["dtype"], given["shape"], given["layout"]) == ("uint8", [1, 24, 32, 3], "NHWC")
    assert shown["fidelity"]["passed"] is True
    assert {check["input"] for check in shown["fidelity"]["checks"]} >= {"noise", "natural"}
    (row,) = bench("results", "ls", "--columns", "run_id,inputs", "--json").json()
    assert row["inputs"] == "uint8"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--onnx", "net.onnx", "--input-type", "uint8"), "net.onnx"),
        (
            ("--model", "b0-cls-r224", "--runtime", "ncnn", "--input-type", "uint8"),
            "ncnn files take no images as uint8",
        ),
        (
            ("--model", "b0-cls-r224", "--runtime", "onnxruntime", "--precision", "int8", "--input-type", "uint8"),
            "int8 files are calibrated for float32 images",
        ),
        (("--model", "b0-cls-r224", "--input-type", "int4"), "'int4' is not one of 'uint8', 'float16'"),
    ],
)
def test_wrong_requests(bench, words: tuple[str, ...], message: str) -> None:
    done = bench("run", *words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_labels_say_what_is_fed() -> None:
    assert Workload("b1-seg", "logits", 1, 1024, 2048, "uint8").label() == "b1-seg uint8"
    assert Workload("b1-seg", "logits", 1, 512, 1024, "uint8").label() == "b1-seg 512x1024 uint8"
    assert Workload("net", "logits", 1, 640, 640, "image=1x3x640x640").label() == "net image=1x3x640x640"


def test_what_pixels_cost_can_be_what_a_comparison_asks_about() -> None:
    fields = dict.fromkeys(READS) | {
        "protocol": {},
        "device.fingerprint": {},
        "model.resolution": (24, 32),
        "model.precision": "fp32",
    }
    usual, pixels = (conditions_from({**fields, "model.inputs": inputs}) for inputs in (None, "uint8"))
    found = differences(usual, pixels)
    assert found.question == "input_type"
    assert found.obstacles == ()
    assert found.details == ("input type usual against uint8",)
