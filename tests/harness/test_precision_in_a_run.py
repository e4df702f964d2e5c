"""A run whose layers were not in the precision that was asked for ends as a failed one, before any number."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from latency_bench.devices.device import Device
from latency_bench.harness import preparing, rounds
from latency_bench.harness.case import BUILD_TIMEOUT_S, Case
from latency_bench.harness.export.float32_layers import mark_float32_layers
from latency_bench.harness.fidelity.check import FidelityError
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.store.outcome import FidelityRecord
from latency_bench.model_specs import load_spec


def a_case(**changes):
    chosen = {"runtime": "torch-cuda", "precision": "fp16", **changes}
    spec = load_spec("b1-seg")
    return Case(spec=spec, device=Device(name="gpu"), protocol=load_protocol("quick"), rounds=1, threads=1, **chosen)


class Silent:
    def stage(self, text):
        pass


@pytest.mark.parametrize(("layers", "fails"), [({"float32": 50}, True), ({"float16": 50}, False)])
def test_the_gate_is_part_of_the_run(monkeypatch, tmp_path, layers, fails):
    run = rounds.ActiveRun(a_case(), tmp_path, ["bench"], 0)
    result = SimpleNamespace(
        outputs=None, check_outputs={}, no_outputs_because=None, loaded={"layer_precisions": layers},
        samples=SimpleNamespace(latency_ns=np.array([1000, 1010])),
    )  # fmt: skip
    monkeypatch.setattr(run, "_measure", lambda *_: SimpleNamespace(result=result))
    asked = []

    def passes(spec, artifact, outputs, precision, no_outputs_because, check_outputs):
        asked.append(precision)
        return FidelityRecord(passed=True)

    monkeypatch.setattr(preparing, "check_fidelity", passes)
    run._measured.artifact = artifact()
    run._session, run._deployment, run._outputs = None, None, tmp_path
    run.measure_round(0, 0, Silent())
    assert asked == ["fp16"]
    assert isinstance(run._failure, FidelityError) is fails
    if fails:
        assert "0 of 50 layers" in run._failure.message


def artifact():
    return SimpleNamespace(inputs=[SimpleNamespace(layout="NCHW")], reference=None, check_references={})


def an_onnx_file(folder):
    """Divides two products, of which one is clipped: a linear attention's last steps."""
    onnx = pytest.importorskip("onnx")
    node, floats = onnx.helper.make_node, onnx.TensorProto.FLOAT
    nodes = [
        node("MatMul", ["q", "kv"], ["n"]),
        node("MatMul", ["q", "k"], ["d"]),
        node("Div", ["n", "d"], ["y"]),
        node("Relu", ["y"], ["z"]),
    ]
    values = [onnx.helper.make_tensor_value_info(name, floats, [1, 4, 4]) for name in ("q", "kv", "k", "z")]
    graph = onnx.helper.make_graph(nodes, "attention", values[:3], values[3:])
    mark_float32_layers(graph)
    onnx.save(onnx.helper.make_model(graph), str(folder / "model.onnx"))
    described = artifact()
    described.format, described.path, described.sha256 = "onnx", folder / "model.onnx", "0" * 64
    return described


def test_tensorrt_is_told_the_precision_and_given_time_to_build(tmp_path):
    request = a_case(runtime="tensorrt").round_request(an_onnx_file(tmp_path), (0,))
    assert request.runtime_options["precision"] == "fp16"
    assert [name.split("_")[0] for name in request.float32_layers] == ["MatMul", "MatMul", "Div"]
    assert a_case(runtime="tensorrt", precision="fp32").round_request(artifact(), (0,)).float32_layers == ()
    assert request.idle_timeout_s == BUILD_TIMEOUT_S
    other = a_case(streams=2).round_request(artifact(), (0,))
    assert "precision" not in other.runtime_options
    assert other.idle_timeout_s < BUILD_TIMEOUT_S
    assert other.throughput["streams"] == 2
    assert request.throughput is None


@pytest.mark.parametrize(
    ("version", "precision", "carried"),
    [
        ("8.2.1.8", "fp16", "fp32"),
        ("10.11.0", "fp16", "fp32"),
        ("10.12.0", "fp16", "fp16"),
        ("11.0.0", "fp32", "fp32"),
        ("8.2.1.8", "int8", "int8"),
    ],
)
def test_the_file_carries_half_precision_only_where_tensorrt_takes_it_from_there(version, precision, carried):
    from latency_bench.devices.runners.worker import WorkerRunner
    from latency_bench.devices.transports.base import Completed

    transport = SimpleNamespace(run=lambda argv, **_: Completed(0, f"[banner]\n{version}\n", ""))
    runner = WorkerRunner()
    assert runner.artifact_precision(transport, "tensorrt", precision) == carried
    assert runner.artifact_precision(transport, "tensorrt-rtx", precision) == precision
    assert runner.artifact_precision(transport, "torch-cuda", precision) == precision
