"""The real bench-onnxruntime over the real ONNX Runtime of Debian, behind the real daemon: nothing stands in for it."""

from __future__ import annotations

import hashlib
import platform

import pytest
from phone_runs import leftovers, records

pytestmark = pytest.mark.slow
SMALL = ("--model", "b0-cls-r224", "--resolution", "64x64", "--protocol", "short.yaml")


@pytest.fixture
def on_phone(bench, write_devices, onnxruntime_program):
    program = {"binary": str(onnxruntime_program)}
    write_devices(None, runner="bench_onnxruntime", runtime="onnxruntime", bench_onnxruntime=program)


@pytest.mark.usefixtures("on_phone")
def test_a_model_is_measured_and_computes_what_the_module_does(bench, tmp_path, onnxruntime_program):
    done = bench("run", "--device", "phone", *SMALL, timeout_s=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = records(tmp_path)
    assert record["fidelity"]["passed"] is True
    assert 0 < record["fidelity"]["metrics"]["logits"]["max_rel"] < 1e-4
    assert record["summary"]["phases"].keys() == {"h2d", "compute", "d2h"}
    assert 6 <= record["summary"]["latency"]["n"] <= 8
    assert record["summary"]["latency_covers"] == "whole request, transfer included"
    assert record["runtime"]["facts"]["tool"]["sha256"] == hashlib.sha256(onnxruntime_program.read_bytes()).hexdigest()
    assert record["runtime"]["version"].startswith("1.")
    assert record["summary"]["peak_rss_bytes"] > 1 << 20
    assert not leftovers(tmp_path)


@pytest.mark.usefixtures("on_phone")
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_other_precisions_are_files_as_for_the_worker(bench, tmp_path, precision):
    done = bench("run", "--device", "phone", *SMALL, "--precision", precision, timeout_s=300)
    (record,) = records(tmp_path)
    assert record["model"]["precision"] == precision
    assert record["fidelity"] is not None, done.stderr
    computed = record["runtime"]["facts"]["weighted_layers"]["precisions"]
    if precision == "int8":
        assert computed["int8"] > computed.get("float32", 0)
        assert record["fidelity"]["passed"] is not None
    elif platform.machine() == "x86_64":
        assert list(computed) == ["float32"]
        assert "fp16 was asked for, and only 0 of" in record["failure"]["message"]


@pytest.mark.usefixtures("on_phone")
def test_a_file_that_it_cannot_read_is_a_failed_run_with_its_words(bench, tmp_path):
    import onnx

    helper = onnx.helper
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Nobodys", ["x"], ["y"], domain="nobody")], "g", values[:1], values[1:])
    domains = [helper.make_opsetid("", 13), helper.make_opsetid("nobody", 1)]
    onnx.save(helper.make_model(graph, opset_imports=domains, ir_version=8), tmp_path / "foreign.onnx")
    done = bench("run", "--device", "phone", "--onnx", "foreign.onnx", "--protocol", "short.yaml", timeout_s=120)
    assert done.returncode == 1
    (record,) = records(tmp_path)
    assert (record["status"], record["failure"]["kind"]) == ("failed", "bad-artifact")
    assert "Nobodys" in record["failure"]["message"]


@pytest.mark.usefixtures("on_phone")
def test_the_doctor_names_the_program(bench):
    assert "bench-onnxruntime with ONNX Runtime 1." in bench("devices", "doctor", "phone", timeout_s=120).stdout
