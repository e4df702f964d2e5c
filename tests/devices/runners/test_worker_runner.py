"""The worker runner against a real worker whose output is tampered with on its way."""

from __future__ import annotations

import shlex
import sys

import pytest

from bench_worker.files import file_sha256
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.base import Deployment, RoundJob
from latency_bench.devices.runners.worker import WorkerRunner
from latency_bench.devices.transports.local import LocalTransport

FLOORS = {"min_count": 2, "max_count": 4, "min_ns": 0, "max_ns": 2_000_000_000}


@pytest.fixture
def measure(tmp_path):
    """One round through a filter for the worker's stdout, a program of sed."""
    onnx = pytest.importorskip("onnx")
    floats, helper = onnx.TensorProto.FLOAT, onnx.helper
    tensors = [helper.make_tensor_value_info(name, floats, [1, 3, 8, 8]) for name in ("image", "out")]
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "relu", tensors[:1], tensors[1:])
    model = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), model)
    request = RoundJob(
        runtime="onnxruntime",
        runtime_options={},
        inputs=[{"name": "image", "shape": [1, 3, 8, 8]}],
        warmup={**FLOORS, "window": 0},
        sampling={**FLOORS, "relative_interval": None},
        cpus=None,
    )

    def measured(program: str):
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\n{shlex.quote(sys.executable)} "$@" | sed {shlex.quote(program)}\n')
        python.chmod(0o755)
        transport = LocalTransport()
        try:
            deployment = Deployment(str(model), file_sha256(str(model)))
            runner = WorkerRunner([str(python)])
            return runner.measure(transport, deployment, request, tmp_path / "outputs.npz", lambda _: None)
        finally:
            transport.close()

    return measured


def test_a_round_that_arrives_whole(measure):
    assert len(measure("").samples.latency_ns) == 2


@pytest.mark.parametrize(
    "program",
    [
        pytest.param('/"stage":"sampling"/d', id="samples lost"),
        pytest.param('/"samples"/p', id="samples doubled"),
        pytest.param(r's/"latency_ns":\[[0-9]*/&0/', id="a digit more"),
        pytest.param(r's/"latency_ns":\[[0-9]*/&.5/', id="a float"),
        pytest.param('/"hello"/d', id="hello lost"),
        pytest.param('s/"options"/"opinions"/', id="a field lost"),
        pytest.param("s/outputs.npz/other.npz/", id="another file"),
        pytest.param('s/"sha256":"[0-9a-f]*"}$/"sha256":"' + "0" * 64 + '"}/', id="other outputs"),
        pytest.param('$s/$/\\n@bench {"event":"done"}/', id="an event after the last"),
    ],
)
def test_what_is_lost_doubled_or_garbled_fails_the_round(measure, program):
    with pytest.raises(WorkerError) as caught:
        measure(program)
    assert caught.value.kind == "protocol"


def test_another_file_than_was_deployed_gives_no_number(measure):
    with pytest.raises(WorkerError, match="was changed after it was brought there") as caught:
        measure(f's/"artifact":{{"sha256":"[0-9a-f]*"/"artifact":{{"sha256":"{"0" * 64}"/')
    assert caught.value.kind == "bad-artifact"
