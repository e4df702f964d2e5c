"""Every way to fail has a kind, a message and a remedy."""

from __future__ import annotations

import sys

import pytest

from bench_worker.runtimes import runtime_class, runtime_names

BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Blocker())
"""
RUNTIMES = {"litert": "tflite_artifact", "onnxruntime": "onnx_artifact", "torch": "pt2_artifact"}


def _error(finished, kind, returncode=1):
    assert finished.returncode == returncode, finished.stdout[-500:] + finished.stderr[-1500:]
    error = finished.event("error")
    assert error["kind"] == kind, error
    assert not any(event["event"] == "done" for event in finished.events)
    return error


@pytest.fixture
def without(tmp_path):
    """A folder for PYTHONPATH that makes packages look as if they were not installed."""

    def block(*packages):
        folder = tmp_path / "blocker"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(BLOCKER.format(blocked=set(packages)))
        return (folder,)

    return block


@pytest.mark.parametrize("runtime", runtime_names())
def test_a_runtime_that_is_not_installed(run_worker, request_for, without, runtime):
    declared = runtime_class(runtime)
    (first, *others), *_ = declared.MODULES
    request = request_for(runtime, "any", runtime_options={})
    error = _error(run_worker(request, paths=without(first, *others)), "runtime-missing")
    assert declared.INSTALL in error["remedy"]
    assert any(package in error["message"] for package in (first, *others))
    assert "\n" not in error["message"] + error["remedy"]


def test_numpy_that_is_not_installed(run_worker, request_for, without):
    error = _error(run_worker(request_for("litert", "any"), paths=without("numpy")), "python")
    assert "pip install numpy" in error["remedy"]


def test_tflite_runtime_is_not_let_crash_with_numpy_2(tmp_path, run_worker, request_for, without):
    (blocker,) = without("ai_edge_litert")
    package = tmp_path / "fake" / "tflite_runtime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '2.14.0'")
    (package / "interpreter.py").write_text("import os; os.abort()")
    error = _error(run_worker(request_for("litert", "any"), paths=(blocker, package.parent)), "runtime-missing")
    assert "tflite-runtime 2.14.0 crashes with numpy 2" in error["message"]


@pytest.mark.parametrize(
    ("runtime", "kept"),
    [("litert", 0.0), ("litert", 0.6), ("litert", 0.98), ("onnxruntime", 0.0), ("onnxruntime", 0.6), ("torch", 0.6)],
)
def test_a_truncated_artifact(run_worker, request_for, request, tmp_path, runtime, kept):
    whole = request.getfixturevalue(RUNTIMES[runtime])
    artifact = tmp_path / ("truncated" + whole.suffix)
    data = whole.read_bytes()
    artifact.write_bytes(data[: int(kept * len(data))])
    document = request_for(runtime, artifact)
    if runtime == "litert":
        document["inputs"][0]["layout"] = "NHWC"
    error = _error(run_worker(document), "bad-artifact")
    assert str(artifact) in error["message"]
    assert error["remedy"]


def test_an_artifact_that_is_not_there(run_worker, request_for):
    pytest.importorskip("onnxruntime")
    assert "none.onnx" in _error(run_worker(request_for("onnxruntime", "none.onnx")), "bad-artifact")["message"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_shape_that_does_not_fit_names_both(run_worker, request_for, request, runtime):
    document = request_for(runtime, request.getfixturevalue(RUNTIMES[runtime]))
    document["inputs"][0]["shape"] = [1, 3, 32, 48]
    message = _error(run_worker(document), "bad-request", 2)["message"]
    assert "[1, 3, 32, 48]" in message
    assert ("[1, 16, 24, 3]" if runtime == "litert" else "[1, 3, 16, 24]") in message


def test_a_type_or_a_number_of_inputs_that_does_not_fit(run_worker, request_for, onnx_artifact):
    pytest.importorskip("onnxruntime")
    document = request_for("onnxruntime", onnx_artifact)
    document["inputs"][0]["dtype"] = "float16"
    message = _error(run_worker(document), "bad-request", 2)["message"]
    assert "float16" in message
    assert "float32" in message
    document["inputs"] = [dict(document["inputs"][0], dtype="float32")] * 2
    assert "2 inputs" in _error(run_worker(document), "bad-request", 2)["message"]


def test_unknown_runtimes_and_options(run_worker, request_for):
    error = _error(run_worker(request_for("tensorflaw", "any")), "bad-request", 2)
    assert "litert, mnn, ncnn, onnxruntime, openvino, tensorrt" in error["remedy"]
    error = _error(run_worker(request_for("onnxruntime", "any", runtime_options={"treads": 2})), "bad-request", 2)
    assert "spin (true or false; default true), threads (a whole number of at least 0; default 0)" in error["remedy"]
    error = _error(run_worker(request_for("onnxruntime", "any", runtime_options={"threads": True})), "bad-request", 2)
    assert "expected a whole number of at least 0, got true" in error["message"]
    error = _error(run_worker(request_for("litert", "any", runtime_options={"threads": -1})), "bad-request", 2)
    assert "-1" in error["message"]


def test_a_request_that_is_wrong(run_worker):
    assert "request.runtime" in _error(run_worker({"version": 1}), "bad-request", 2)["message"]


def test_a_place_for_the_outputs_that_is_not_there(run_worker, request_for, onnx_artifact):
    pytest.importorskip("onnxruntime")
    error = _error(run_worker(request_for("onnxruntime", onnx_artifact, write_outputs="none/out.npz")), "storage")
    assert "none/out.npz" in error["message"]


def test_memory_that_runs_out(run_worker, request_for, open_onnx_artifact):
    pytest.importorskip("onnxruntime")
    document = request_for("onnxruntime", open_onnx_artifact)
    # More than an address space has, so that no setting of the kernel promises it.
    document["inputs"][0]["shape"] = [1, 3, 4_000_000, 4_000_000]
    error = _error(run_worker(document), "out-of-memory")
    assert "smaller" in error["remedy"]
    assert "ulimit" not in error["message"] + error["remedy"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
def test_a_limit_of_the_shell_is_told_as_that(run_worker, request_for, open_onnx_artifact):
    pytest.importorskip("onnxruntime")
    document = request_for("onnxruntime", open_onnx_artifact)
    document["inputs"][0]["shape"] = [1, 3, 40_000, 40_000]
    error = _error(run_worker(document, address_space_bytes=6 << 30), "process-limit")
    assert "limited to 6.4 GB (ulimit -v)" in error["message"]
    assert "ulimit -v unlimited" in error["remedy"]


ACME = {"runtime_options": {}, "runtime_class": "acme_runtime:Acme"}


def test_a_runtime_of_a_third_party(tmp_path, run_worker, request_for):
    site = tmp_path / "site"
    site.mkdir()
    (site / "acme_runtime.py").write_text("""
from bench_worker.api import RequestTimes, Runtime
class Acme(Runtime):
    "Device clock for compute only, and an output that is garbage in the end."
    name, calls = "acme", 0
    def load(self, artifact, inputs):
        return list(inputs)
    def facts(self):
        return {"runtime": {"name": "acme", "version": "1.0"}, "options": {}, "inputs": [{"name": "i"}], "outputs": []}
    def set_inputs(self, arrays):
        self.arrays = arrays
    def request(self):
        self.calls += 1
        start = self.clock()
        return RequestTimes(start, self.clock(), None, 5, None)
    def outputs(self):
        return {"sum": self.arrays[0].sum(keepdims=True) * (1 if self.calls == 1 else 2)}
""")
    finished = run_worker(request_for("acme", "any", **ACME), paths=(site,))
    assert finished.returncode == 0, finished.stderr
    columns = next(event for event in finished.events if event["event"] == "samples")
    assert set(columns) == {"event", "stage", "first", "start_ns", "latency_ns", "compute_ns"}
    drift = finished.event("done")["output_drift"]
    assert drift["bitwise_equal"] is False
    assert drift["max_abs_diff"] > 0


def test_a_runtime_that_fails_in_the_middle(tmp_path, run_worker, request_for):
    site = tmp_path / "site"
    site.mkdir()
    (site / "acme_runtime.py").write_text("""
from bench_worker.api import HostRuntime
class Acme(HostRuntime):
    name, calls = "acme", 0
    def copy_in(self):
        pass
    def copy_out(self):
        pass
    def load(self, artifact, inputs):
        return list(inputs)
    def facts(self):
        return {"inputs": [{}]}
    def set_inputs(self, arrays):
        pass
    def outputs(self):
        return {}
    def invoke(self):
        self.calls += 1
        if self.calls == 8:
            raise RuntimeError("the device fell off the bus")
""")
    document = request_for("acme", "any", **ACME)
    error = _error(run_worker(document, paths=(site,)), "runtime-failed")
    assert "after 7 requests" in error["message"]
    assert "fell off the bus" in error["message"]
