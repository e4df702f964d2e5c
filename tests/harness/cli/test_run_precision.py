"""Precision, the output of dense predictions, and measured throughput, from the command line to the record."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from bench_worker.runtimes import runtime_class, runtime_names

CLASSIFIER = ("--model", "b0-cls-r224", "--resolution", "64x64")
SEGMENTER = ("--model", "b0-seg", "--resolution", "64x128")
FAST = "\n".join(
    [
        "name: fast",
        "rounds: 1",
        "campaign_rounds: 1",
        "warmup: {min_count: 3, max_count: 30, min_s: 0.02, max_s: 0.5, window: 0}",
        "sampling: {min_count: 10, max_count: 30, min_s: 0.05, max_s: 5, relative_interval: null}",
    ]
)

NET = """
from torch import nn


class Net(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 3)
"""


@pytest.fixture
def measure(bench, tmp_path):
    protocol = tmp_path / "fast.yaml"
    protocol.write_text(FAST)

    def run(*words):
        return bench("run", *words, "--protocol", str(protocol), "--json")

    return run


def record_of(done):
    assert done.returncode == 0, done.stderr
    return json.loads((Path(done.json()["path"]) / "record.json").read_text())


@pytest.mark.slow
def test_half_precision_is_recorded_and_gated_by_its_own_tolerance(measure):
    record = record_of(measure(*CLASSIFIER, "--runtime", "torch", "--precision", "fp16", "--streams", "1"))
    assert record["model"]["precision"] == "fp16"
    assert record["artifact"]["facts"]["precision"] == "fp16"
    assert record["fidelity"]["tolerance"]["max_rel"] == pytest.approx(0.1)
    precisions = record["runtime"]["facts"]["layer_precisions"]
    # The products of the linear attention are float32 on purpose.
    assert precisions["float16"] > 3 * precisions.get("float32", 0) > 0
    measured = record["summary"]["throughput_measured"]
    assert (measured["streams"], measured["batch"], measured["basis"]) == (1, 1, "images / wall second")
    assert measured["img_s"] > 0
    assert record["summary"]["throughput"]["basis"] == "batch / median latency"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "type_", "worst"),
    [("fp16-weights", "float16", 1e-2), ("int8-dynamic", "int8", 2e-1)],
)
def test_smaller_weights_are_recorded_and_gated_by_their_own_tolerance(measure, precision, type_, worst):
    record = record_of(measure(*CLASSIFIER, "--runtime", "litert", "--precision", precision))
    assert record["model"]["precision"] == record["artifact"]["facts"]["precision"] == precision
    constants = record["artifact"]["facts"]["quantization"]["constant_bytes"]
    assert constants[type_] > 5 * constants["float32"]
    assert record["artifact"]["facts"]["xnnpack"] == {"partitions": 1, "outside": {}}
    assert record["fidelity"]["tolerance"]["max_rel"] == pytest.approx(worst)
    assert 1e-5 < record["fidelity"]["metrics"]["logits"]["max_rel"] < worst


@pytest.mark.parametrize(
    ("output", "shape", "dtype"),
    [
        ("argmax", [1, 8, 16], "int32"),
        pytest.param("full", [1, 19, 64, 128], "float32", marks=pytest.mark.slow),
    ],
)
def test_the_output_decides_what_is_copied_out(measure, output, shape, dtype):
    record = record_of(measure(*SEGMENTER, "--runtime", "onnxruntime", "--output", output))
    (tensor,) = record["artifact"]["facts"]["outputs"]
    assert (tensor["shape"], tensor["dtype"]) == (shape, dtype)
    assert record["model"]["output"] == output
    (metrics,) = record["fidelity"]["metrics"].values()
    assert metrics["argmax_agreement"] > 0.999
    assert ("cosine" in metrics) is (output == "full")


@pytest.mark.slow
def test_a_resize_that_a_runtime_has_not_is_said_beside_the_number(measure):
    record = record_of(measure(*SEGMENTER, "--runtime", "litert"))
    (told,) = [flag for flag in record["flags"] if flag["name"] == "changed_model"]
    assert "a bilinear resize in place of a bicubic one" in told["text"]
    record = record_of(measure(*SEGMENTER, "--runtime", "onnxruntime"))
    assert "changed_model" not in [flag["name"] for flag in record["flags"]]


def runtimes_of(precision: str) -> list[str]:
    return [name for name in runtime_names() if precision in runtime_class(name).PRECISIONS]


def test_a_runtime_that_goes_back_to_single_precision_is_refused(measure, tmp_path):
    if platform.machine() != "x86_64":
        pytest.skip("ONNX Runtime may have kernels in half precision for this processor")
    (tmp_path / "net.py").write_text(NET)
    words = ("--module", "net.py:Net", "--input", "3x8x8", "--runtime", "onnxruntime", "--precision", "fp16")
    done = measure(*words)
    assert done.returncode == 1
    told = done.json()["failure"]["message"]
    assert told == (
        "what ran computes in another precision: fp16 was asked for, and only 0 of 1 layers compute in it "
        "(1 in float32)"
    )


def test_what_cannot_be_asked_for_together(measure, bench):
    for words, said in (
        (
            (*CLASSIFIER, "--runtime", "litert", "--precision", "fp16"),
            f"not fp16, which {', '.join(runtimes_of('fp16'))} take",
        ),
        (
            (*CLASSIFIER, "--runtime", "torch", "--precision", "int8-dynamic"),
            f"not int8-dynamic, which {', '.join(runtimes_of('int8-dynamic'))} take",
        ),
        ((*CLASSIFIER, "--runtime", "onnxruntime", "--precision", "bf16"), "bf16"),
        ((*CLASSIFIER, "--output", "argmax"), "for segmentation networks"),
        ((*CLASSIFIER, "--runtime", "torch", "--streams", "2"), "one request in flight"),
    ):
        done = measure(*words)
        assert done.returncode == 2, (words, done.stderr)
        assert said in done.stderr
    assert bench("results", "ls", "--json").json() == []


@pytest.mark.no_gpu
@pytest.mark.parametrize("runtime", ["torch-cuda", "tensorrt", "tensorrt-rtx"])
def test_a_machine_without_a_gpu_says_what_is_missing(measure, bench, tmp_path, runtime):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    (tmp_path / "net.py").write_text(NET)
    done = measure("--module", "net.py:Net", "--input", "3x8x8", "--runtime", runtime, "--precision", "fp16")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "install" in done.stderr
    assert bench("results", "ls", "--json").json() == []
