"""The real benchmark_model of TFLite 2.14.1, XNNPACK included, behind the real daemon: nothing stands in for it."""

from __future__ import annotations

import hashlib
import json

import pytest
from phone_runs import records

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backend", ["program", "adb-shell"])
def test_a_file_is_measured(tmp_path, write_devices, run_phone, real_tool, backend):
    write_devices(real_tool, backend)
    done = run_phone()
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = records(tmp_path)
    facts = record["runtime"]["facts"]
    assert facts["tool"]["sha256"] == hashlib.sha256(real_tool.read_bytes()).hexdigest()
    assert facts["delegation"] == {"delegate": "XNNPACK", "full": True, "partitions": None}
    assert facts["sample_is"] == "mean of 4 inferences of one process"
    assert 0.01 < record["summary"]["latency"]["median_ms"] < 1000
    (log,) = (tmp_path / "store").rglob("evidence/*")
    assert log.read_text().count("Inference timings in us") == record["summary"]["latency"]["n"] + 1


@pytest.fixture
def run_model(bench, tmp_path, write_devices, real_tool):
    """Runs a small EfficientViT-B0 on the phone; its record."""

    def run(*words: str) -> dict:
        write_devices(real_tool, benchmark_model={"max_process_s": 30})
        model = ("--model", "b0-cls-r224", "--resolution", "64x64", "--protocol", "short.yaml")
        bench("run", "--device", "phone", *model, *words, timeout_s=300)
        newest = max((tmp_path / "store").rglob("record.json"), key=lambda path: path.parent.name)
        record: dict = json.loads(newest.read_text())
        return record

    return run


def test_what_ran_on_the_phone_is_compared_with_the_module(run_model):
    record = run_model("--runtime-option", "allow_partial=true")
    assert record["status"] == "done", record["failure"]
    assert record["fidelity"]["passed"] is True
    assert 0 < record["fidelity"]["metrics"]["logits"]["max_rel"] < 1e-4
    assert record["model"]["precision"] == "fp32"


def test_half_the_weights_are_recorded_and_judged_as_such(run_model):
    record = run_model("--runtime-option", "allow_partial=true", "--precision", "fp16-weights")
    assert record["status"] == "done", record["failure"]
    assert (record["model"]["precision"], record["fidelity"]["passed"]) == ("fp16-weights", True)
    assert 1e-5 < record["fidelity"]["metrics"]["logits"]["max_rel"] < record["fidelity"]["tolerance"]["max_rel"]
    constants = record["artifact"]["facts"]["quantization"]["constant_bytes"]
    assert constants["float16"] > 10 * constants["float32"]


def test_a_tool_that_computes_something_else_gets_no_number(run_model):
    """This old one reads a single scale of a linear layer's int8 weights where the file has one a channel."""
    record = run_model("--runtime-option", "allow_partial=true", "--precision", "int8-dynamic")
    assert (record["status"], record["failure"]["kind"], record["summary"]) == ("failed", "fidelity", None)


def test_a_model_that_xnnpack_takes_in_pieces_is_refused(run_model):
    record = run_model()
    assert record["status"] == "failed"
    assert "only a part of the model runs in the XNNPACK delegate" in record["failure"]["message"]


def test_the_profile_of_the_real_tool(bench, write_devices, real_tool):
    write_devices(real_tool, benchmark_model={"max_process_s": 30})
    model = ("--model", "b0-cls-r224", "--resolution", "64x64", "--requests", "3")
    done = bench("profile", "--device", "phone", *model, "--json", timeout_s=300)
    assert done.returncode == 0, done.stderr
    layers = done.json()
    assert len(layers) > 1
    assert sum(layer["share"] for layer in layers) == pytest.approx(1)
    assert all(layer["time_ms"] >= 0 and layer["calls"] >= 1 for layer in layers)
