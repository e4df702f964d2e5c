"""A run that the gate refuses names the first layer that is not finite, where the runtime can tell."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from bench_worker.files import file_sha256
from latency_bench.devices.device import Device
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.opening import declared_runtime, open_device
from latency_bench.devices.runners.base import RoundJob
from latency_bench.harness import preparing, rounds
from latency_bench.harness.case import Case
from latency_bench.harness.fidelity.layer import name_the_layer
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.store.outcome import FidelityRecord
from latency_bench.model_specs import load_spec

REFUSED = FidelityRecord(passed=False, metrics={"y": {"cosine": 0.1}}, reason="y: cosine 0.1")
REQUEST = RoundJob(
    runtime="onnxruntime",
    runtime_options={"threads": 1},
    inputs=[{"name": "image", "shape": [1, 4, 8, 8], "low": 3.0, "high": 4.0, "distribution": "uniform"}],
    warmup={"min_count": 2, "max_count": 9, "min_ns": 0, "max_ns": 10**9, "window": 5},
    sampling={"min_count": 5, "max_count": 9, "min_ns": 0, "max_ns": 10**9, "relative_interval": None},
    cpus=None,
)
FOUND = {"layer": "attn", "operator": "Div", "nan_count": 1, "infinite_count": 2, "value_count": 64}


class Session:
    """Of a device whose worker finds `found`, or fails."""

    def __init__(self, found, runner="worker"):
        self.device = Device(name="one", runner=runner)
        self.asked = []
        self._found = found

    def runtime(self, name):
        return declared_runtime(self.device, name)

    def measure(self, deployment, request, outputs_to, on_progress):
        self.asked.append(request)
        if isinstance(self._found, Exception):
            raise self._found
        return SimpleNamespace(done=self._found)


def named(session, tmp_path, fidelity=REFUSED, runtime="onnxruntime"):
    request = dataclasses.replace(REQUEST, runtime=runtime)
    return name_the_layer(fidelity, session, None, request, tmp_path, lambda text: None)


def test_the_reason_names_layer_operator_and_how_much_of_it(tmp_path):
    session = Session({"non_finite": FOUND})
    assert named(session, tmp_path).reason == (
        "y: cosine 0.1; the first layer that is not finite is attn (Div): 3 of 64 values, 1 of them NaN"
    )
    (asked,) = session.asked
    assert asked.find_non_finite
    assert asked.sampling["max_count"] == 1
    assert asked.runtime_options == REQUEST.runtime_options


@pytest.mark.parametrize(
    "found", [{"non_finite": {}}, {}, WorkerError("bad-request", "shows no outputs"), WorkerError("crashed", "died")]
)
def test_where_nothing_is_found_or_told_the_reason_stays(tmp_path, found):
    assert named(Session(found), tmp_path) == REFUSED


@pytest.mark.parametrize(
    ("fidelity", "runner", "runtime"),
    [
        (FidelityRecord(passed=True), "worker", "onnxruntime"),
        (FidelityRecord(passed=False, reason="no outputs"), "worker", "onnxruntime"),
        (REFUSED, "worker", "litert"),
        (REFUSED, "trtexec", "tensorrt"),
    ],
)
def test_only_refused_values_of_a_runtime_that_can_tell_are_looked_into(tmp_path, fidelity, runner, runtime):
    session = Session({"non_finite": FOUND}, runner)
    assert named(session, tmp_path, fidelity, runtime) == fidelity
    assert session.asked == []


def test_a_real_worker_on_a_file_that_overflows_inside(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, types = onnx.helper, onnx.TensorProto
    shape = [1, 4, 8, 8]
    nodes = [
        helper.make_node("Cast", ["image"], ["half"], to=types.FLOAT16),
        helper.make_node("Mul", ["half", "large"], ["scaled"], name="attn.scale"),
        helper.make_node("Div", ["half", "scaled"], ["ratio"]),
        helper.make_node("Cast", ["ratio"], ["y"], to=types.FLOAT),
    ]
    values = [helper.make_tensor_value_info(name, types.FLOAT, shape) for name in ("image", "y")]
    large = onnx.numpy_helper.from_array(np.full(1, 60000.0, np.float16), "large")
    graph = helper.make_graph(nodes, "overflowing", values[:1], values[1:], [large])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    with open_device(Device(name="local", runtime="onnxruntime")) as session:
        deployment = session.deploy(path, file_sha256(str(path)))
        found = name_the_layer(REFUSED, session, deployment, REQUEST, tmp_path, lambda text: None)
    assert "attn.scale (Mul): 256 of 256 values, 0 of them NaN" in found.reason


def test_it_is_part_of_the_run(monkeypatch, tmp_path):
    case = Case(load_spec("b1-seg"), Device(name="gpu"), load_protocol("quick"), "torch-cuda", rounds=1, threads=1)
    monkeypatch.setattr(Case, "round_request", lambda *_: REQUEST)
    monkeypatch.setattr(preparing, "check_fidelity", lambda *_, **__: REFUSED)
    run = rounds.ActiveRun(case, tmp_path, ["bench"], 0)
    result = SimpleNamespace(outputs=None, check_outputs={}, no_outputs_because=None, loaded={})
    monkeypatch.setattr(run, "_measure", lambda *_: SimpleNamespace(result=result))
    run._measured.artifact = SimpleNamespace(check_references={})
    run._session, run._deployment, run._outputs = Session({"non_finite": FOUND}), None, tmp_path
    run.measure_round(0, 0, SimpleNamespace(stage=lambda text: None))
    assert "attn (Div)" in run._failure.message
