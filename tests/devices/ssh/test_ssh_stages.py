"""Stages of a remote run that take a tool, a library or a file of their own: what comes of them, and a cut in each."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

WORKER_TESTS = Path(__file__).parent.parent / "worker"


@pytest.mark.parametrize(
    ("stage", "environment"),
    [
        ("build", {"TRTEXEC_TROUBLE": "hang"}),
        pytest.param("measure", {"TRTEXEC_SECONDS": "1000"}, marks=pytest.mark.slow),
    ],
)
def test_the_link_is_cut_while_trtexec_works(remote, bench_environment, wait_until, stage, environment):
    remote.jetson("8.2")
    remote.set_environment(TRTEXEC_VERSION="8.2", **environment)
    process = remote.begin(bench_environment, "--power-mode", "MAXN")
    wait_until(lambda: len(_calls(remote)) == {"build": 2, "measure": 3}[stage], process)
    remote.server.cut()
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, stderr + stdout
    assert "127.0.0.1" in stderr + stdout
    assert "Traceback" not in stderr
    remote.server.wait_until_tidy()
    assert (remote.folder / "power_mode.history").read_text().split() == ["0", "1"]
    assert [run["status"] for run in remote.stored()] == ["failed"]
    # An engine that was only half built is none.
    assert bool(list((remote.server.work / "store").glob("engine-*"))) is (stage == "measure")
    remote.set_environment(TRTEXEC_VERSION="8.2")
    assert remote.run().returncode == 0


@pytest.mark.parametrize("stage", ["push", pytest.param("pull", marks=pytest.mark.slow)])
def test_the_link_is_cut_while_a_file_is_on_its_way(remote, bench_environment, wait_until, stage):
    """The device's own hashing, with which either way ends, holds the file until the link is cut."""
    seen, programs = remote.folder / "seen", remote.folder / "programs"
    programs.mkdir()
    held = {"push": "*/store/part-*", "pull": "*/outputs.npz"}[stage]
    (programs / "openssl").write_text(
        f"#!/bin/sh\ncase $(readlink /proc/$$/fd/0) in {held}) touch {seen}; sleep 5 ;; esac\nexec sha256sum\n"
    )
    (programs / "openssl").chmod(0o755)
    remote.set_environment(PATH=f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin")
    process = remote.begin(bench_environment)
    wait_until(seen.exists, process)
    remote.server.cut()
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, stderr + stdout
    assert "127.0.0.1" in stderr + stdout
    assert "Traceback" not in stderr
    remote.server.wait_until_tidy()
    assert [run["status"] for run in remote.stored()] == ["failed"]
    remote.set_environment()
    assert remote.run().returncode == 0


def test_a_python_without_numpy(remote):
    python = remote.folder / "bare"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    remote.configure(python=[str(python)])
    remote.assert_failed(remote.run(), "numpy is missing in Python 3", "pip install numpy")
    assert [run["status"] for run in remote.stored()] == ["failed"]


def save_twice(path: Path, external: bool = False, factor: float = 2.0) -> Path:
    """y = image * factor, the factor in a file of its own on request."""
    onnx = pytest.importorskip("onnx")
    helper, shape = onnx.helper, [1, 3, 8, 8]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("image", "y")]
    two = onnx.numpy_helper.from_array(np.full((1, 3, 8, 8), factor, np.float32), "two")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "two"], ["y"])], "twice", values[:1], values[1:], [two]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.with_name("two.data").unlink(missing_ok=True)  # onnx would append
    kept = {"save_as_external_data": True, "location": "two.data", "size_threshold": 0} if external else {}
    onnx.save(model, str(path), **kept)
    return path


def test_weights_beside_the_model_are_brought_there(remote, bench):
    path = save_twice(remote.folder / "beside.onnx", external=True)
    command = ["run", "--device", "remote", "--onnx", str(path), "--protocol", str(remote.folder / "fast.yaml")]
    done = bench(*command, "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    sizes = {file.stat().st_size for file in (remote.server.work / "store").iterdir()}
    assert {path.stat().st_size, path.with_name("two.data").stat().st_size} <= sizes


def test_an_engine_belongs_to_the_weights_that_lay_beside_the_model(remote, bench):
    remote.jetson("8.2")
    remote.set_environment(TRTEXEC_VERSION="8.2")
    path = remote.folder / "beside.onnx"
    command = ["run", "--device", "remote", "--onnx", str(path), "--protocol", str(remote.folder / "fast.yaml")]
    graphs = set()
    for factor, engines in ((2.0, 1), (3.0, 2), (2.0, 2)):
        graphs.add(save_twice(path, external=True, factor=factor).read_bytes())
        done = bench(*command, "--quiet", "--json")
        assert done.returncode == 0, done.stderr
        assert len(list((remote.server.work / "store").glob("engine-*"))) == engines
    assert len(graphs) == 1, "the file itself does not tell them apart"


TENSORRT = """
import importlib.util, json, sys, types
from pathlib import Path

def sibling(name):
    spec = importlib.util.spec_from_file_location(name, Path({folder!r}) / (name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

fake_gpu, fake_tensorrt = sibling("fake_gpu"), sibling("fake_tensorrt")
gpu = fake_gpu.FakeGpu()
sys.modules.update(fake_gpu.fake_pycuda(gpu))
trt = fake_tensorrt.fake_tensorrt("8.6.1", gpu)

class OnnxParser(trt.OnnxParser):
    def parse_from_file(self, path):
        import onnx
        graph = onnx.load(path).graph
        (weights,) = graph.initializer
        shape = [size.dim_value for size in graph.input[0].type.tensor_type.shape.dim]
        scale = float(onnx.numpy_helper.to_array(weights).max())
        document = Path(path).with_suffix(".json")
        document.write_text(json.dumps({{"opset": 13, "scale": scale, "shape": shape}}))
        return super().parse_from_file(str(document))

trt.OnnxParser = OnnxParser
sys.modules["tensorrt"] = trt
"""
"""A module `tensorrt` for the device: the fake of the worker's tests, with a parser for the files of `save_twice`."""


def test_the_workers_tensorrt_on_a_device_that_has_it(remote, bench):
    library = remote.folder / "library"
    library.mkdir()
    (library / "tensorrt.py").write_text(TENSORRT.format(folder=str(WORKER_TESTS)))
    remote.configure()
    remote.set_environment(PYTHONPATH=str(library), BENCH_ENGINES=str(remote.folder / "engines"))
    path = save_twice(remote.folder / "twice.onnx")
    command = ["run", "--device", "remote", "--onnx", str(path), "--runtime", "tensorrt"]
    command += ["--protocol", str(remote.folder / "fast.yaml")]
    records = []
    for _ in range(2):
        done = bench(*command, "--quiet", "--json")
        assert done.returncode == 0, done.stderr
        records.append(json.loads((Path(done.json()["path"]) / "record.json").read_text()))
    facts = [record["runtime"]["facts"] for record in records]
    assert [one["engine"]["origin"] for one in facts] == ["built", "cache"]
    assert facts[0]["engine"]["sha256"] == facts[1]["engine"]["sha256"]
    assert facts[0]["gpu"]["name"] == "Fake GPU"
    assert records[0]["runtime"]["version"] == "8.6.1"
    assert records[0]["summary"]["phases"]["compute"]["median_ms"] == pytest.approx(0.05)
    samples = pq.ParquetFile(Path(done.json()["path"]) / "samples.parquet").read()
    enqueue, latency = (samples.column(name).to_numpy() for name in ("enqueue_ns", "latency_ns"))
    assert (enqueue > 0).all()
    assert (enqueue <= latency).all()
    assert len(remote.stored()) == 2
    remote.server.wait_until_tidy()


def _calls(remote) -> list[str]:
    path = remote.folder / "trtexec.calls"
    return path.read_text().splitlines() if path.exists() else []
