"""An engine that is there already goes to a Jetson as it is: nothing is built, and what it computes is compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")

SHAPE = [1, 3, 8, 8]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """net.onnx, other.onnx, and net.engine, which is what the stand-in of trtexec makes of net.onnx."""
    for name, operator in (("net.onnx", "Neg"), ("net.engine", "Neg"), ("other.onnx", "Exp")):
        tensors = [onnx.helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, SHAPE) for one in ("x", "y")]
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node(operator, ["x"], ["y"])], "graph", tensors[:1], tensors[1:]
        )
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=7)
        onnx.save(model, str(tmp_path / name))
    return tmp_path / "net.onnx", tmp_path / "net.engine"


@pytest.fixture
def run(remote, bench, tmp_path):
    """run(*words): `bench run` of the engine on a Jetson that has trtexec alone."""
    remote.jetson("8.2")
    words = ("run", "--device", "remote", "--engine", "net.engine", "--protocol", str(tmp_path / "fast.yaml"))
    return lambda *more: bench(*words, "--quiet", "--json", *more)


def test_an_engine_is_timed_and_held_to_its_original(remote, run, files, tmp_path):
    done = run("--shape", "x=1x3x8x8", "--original", "net.onnx")
    assert done.returncode == 0, done.stderr
    record = json.loads((Path(done.json()["path"]) / "record.json").read_text())
    engine = record["runtime"]["facts"]["engine"]
    assert engine["origin"] == "given"
    assert engine["sha256"] == record["artifact"]["sha256"] == hashlib.sha256(files[1].read_bytes()).hexdigest()
    assert record["model"]["precision"] == "unknown"
    assert record["model"]["inputs"] == "x=1x3x8x8"
    assert record["fidelity"]["passed"] is True
    calls = [json.loads(line) for line in (tmp_path / "trtexec.calls").read_text().splitlines()]
    assert not [word for call in calls for word in call if word.startswith(("--onnx=", "--saveEngine="))]
    wrong = run("--shape", "x=1x3x8x8", "--original", "other.onnx")
    assert wrong.returncode == 1
    assert "largest error" in wrong.json()["fidelity"]["reason"]


def test_what_an_engine_takes_is_asked_for(run, files):
    done = run()
    assert done.returncode == 2
    assert (
        "net.engine: its inputs cannot be read on this computer. State them, for example: --shape=input=" in done.stderr
    )


def test_an_engine_is_no_file_for_another_runtime(bench, files):
    done = bench("run", "--engine", "net.engine", "--shape", "x=1x3x8x8", "--runtime", "onnxruntime")
    assert done.returncode == 2
    assert "runtime onnxruntime loads onnx files, not net.engine" in done.stderr
    made = bench("export", "--model", "b0-cls-r224", "--format", "engine")
    assert made.returncode in (1, 2)
    assert "an engine is built by TensorRT on the device that it runs on; export onnx" in made.stderr
