"""A clock that only moves when told to, a runtime made of numbers, tiny artifacts, and the worker as a real process."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bench_worker.events import parse_event
from bench_worker.request_times import RequestTimes
from latency_bench.devices.runners.worker_files import push_worker
from latency_bench.devices.transports.local import LocalTransport

IMAGE = {"name": "image", "shape": [1, 3, 16, 24], "dtype": "float32", "layout": "NCHW", "seed": 3}


class FakeClock:
    """Nanoseconds that pass only in `advance`."""

    def __init__(self, now_ns: int = 1_000_000) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, ns: int) -> None:
        self.now_ns += ns


class ScriptedRuntime:
    """Requests that take the latencies given; after the last one it repeats that one."""

    def __init__(self, clock: FakeClock, latencies_ns: Iterable[int]) -> None:
        self._clock = clock
        self._latencies_ns = iter(latencies_ns)
        self._latest_ns = 0
        self.requests = 0

    def request(self) -> RequestTimes:
        self._latest_ns = next(self._latencies_ns, self._latest_ns)
        self.requests += 1
        start_ns = self._clock()
        self._clock.advance(self._latest_ns)
        return RequestTimes(start_ns, self._clock(), 1, self._latest_ns - 3, 2)


@dataclass
class Finished:
    """What a worker left behind."""

    returncode: int
    events: list[dict[str, Any]]
    stdout: str
    stderr: str
    folder: Path = field(default_factory=Path)

    def event(self, name: str) -> dict[str, Any]:
        found = [event for event in self.events if event["event"] == name]
        assert found, f"no {name} event; stdout: {self.stdout[-2000:]} stderr: {self.stderr[-2000:]}"
        return found[-1]

    def column(self, stage: str, name: str) -> list[int]:
        parts = [event[name] for event in self.events if event["event"] == "samples" and event["stage"] == stage]
        return [value for part in parts for value in part]


def make_request(runtime: str, artifact: Path | str, **changes: Any) -> dict[str, Any]:
    """A request that takes a fraction of a second."""
    document: dict[str, Any] = {
        "version": 1,
        "runtime": runtime,
        "runtime_options": {"threads": 1},
        "artifact": str(artifact),
        "inputs": [dict(IMAGE)],
        "write_outputs": "outputs.npz",
        "warmup": {"min_count": 2, "max_count": 30, "min_ns": 0, "max_ns": 2_000_000_000, "window": 5},
        "sampling": {"min_count": 10, "max_count": 40, "min_ns": 0, "max_ns": 2_000_000_000, "relative_interval": 0.02},
    }
    document.update(changes)
    return document


def parse_output(stdout: str) -> list[dict[str, Any]]:
    return [event for event in map(parse_event, stdout.splitlines()) if event is not None]


def worker_environment(*extra_paths: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, extra_paths)), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def worker_program() -> Iterable[str]:
    """The program that starts the worker, in a copy that was pushed as the product pushes it."""
    transport = LocalTransport()
    yield push_worker(transport, "litert")
    transport.close()


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def scripted_runtime() -> type[ScriptedRuntime]:
    return ScriptedRuntime


@pytest.fixture
def request_for() -> Callable[..., dict[str, Any]]:
    return make_request


@pytest.fixture
def start_worker(tmp_path: Path, worker_program: str) -> Iterable[Callable[..., subprocess.Popen[str]]]:
    """Start the worker on a request and leave it running; what is still alive at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(document: dict[str, Any], *, paths: tuple[Path, ...] = (), **options: Any) -> subprocess.Popen[str]:
        request = tmp_path / "request.json"
        request.write_text(json.dumps(document), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, worker_program, str(request)],
            cwd=tmp_path,
            env=worker_environment(*paths),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **{"stdin": subprocess.DEVNULL, **options},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def run_worker(start_worker: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Callable[..., Finished]:
    def run(document: dict[str, Any], *, address_space_bytes: int | None = None, **options: Any) -> Finished:
        process = start_worker(document, **options)
        if address_space_bytes is not None:
            # From outside: a preexec_fn is not safe in a process with threads, and the frameworks start some here.
            resource.prlimit(process.pid, resource.RLIMIT_AS, (address_space_bytes, address_space_bytes))
        stdout, stderr = process.communicate(timeout=120)
        return Finished(process.returncode, parse_output(stdout), stdout, stderr, tmp_path)

    return run


@pytest.fixture(scope="session")
def two_layer_module() -> Any:
    torch = pytest.importorskip("torch")

    class TwoLayers(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Three outputs: a map, a vector, and a part of an intermediate map."""

        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Conv2d(3, 8, 3, padding=1)
            self.second = torch.nn.Conv2d(8, 4, 3, stride=2, padding=1)

        def forward(self, image: Any) -> Any:
            features = torch.relu(self.first(image))
            return self.second(features), features.mean((2, 3)), features[:, :2]

    torch.manual_seed(0)
    return TwoLayers().eval()


@pytest.fixture(scope="session")
def made_once(shared_cache: Path) -> Callable[[str, Callable[[Path], None]], Path]:
    """made_once("model.tflite", write): the file that `write` makes, for all processes of a parallel run."""

    def make(name: str, write: Callable[[Path], None]) -> Path:
        path = shared_cache.with_name("worker-artifacts") / name
        path.parent.mkdir(exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                part = path.with_name(f"part-{name}")
                write(part)
                part.rename(path)
        return path

    return make


@pytest.fixture(scope="session")
def tflite_artifact(two_layer_module: Any, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    def write(path: Path) -> None:
        torch = pytest.importorskip("torch")
        litert_torch = pytest.importorskip("litert_torch")
        channel_last = litert_torch.to_channel_last_io(two_layer_module, args=[0], outputs=[0])
        litert_torch.convert(channel_last, (torch.zeros(1, 16, 24, 3),)).export(str(path))

    return made_once("model.tflite", write)


@pytest.fixture(scope="session")
def pt2_artifact(two_layer_module: Any, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    def write(path: Path) -> None:
        torch = pytest.importorskip("torch")
        torch.export.save(torch.export.export(two_layer_module, (torch.zeros(1, 3, 16, 24),)), path)

    return made_once("model.pt2", write)


def save_onnx(path: Path, height: int | str, width: int | str, output_height: int | str | None = None) -> Path:
    """A convolution followed by a ReLU and a sum over the channels; sizes may be names, which leaves them open."""
    onnx = pytest.importorskip("onnx")
    import numpy as np

    weights = np.random.RandomState(0).standard_normal((8, 3, 3, 3)).astype(np.float32)
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "weights"], ["convolved"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["convolved"], ["map"]),
            helper.make_node("ReduceSum", ["map", "axes"], ["total"], keepdims=1),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", floats, [1, 3, height, width])],
        [
            helper.make_tensor_value_info("map", floats, [1, 8, output_height or height, width]),
            helper.make_tensor_value_info("total", floats, [1, 1, output_height or height, width]),
        ],
        [
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(np.array([1], np.int64), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="session")
def onnx_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_onnx(tmp_path_factory.mktemp("onnx") / "model.onnx", 16, 24)


@pytest.fixture(scope="session")
def open_onnx_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Height and width are left open."""
    return save_onnx(tmp_path_factory.mktemp("onnx") / "open.onnx", "height", "width")


@pytest.fixture
def make_export_job(tmp_path: Path) -> Callable[..., Any]:
    """make_export_job(module, format, image=...): what its exporter is given, in a folder of its own."""

    def make(module: Any, target: Any, **inputs: Any) -> Any:
        import torch

        from latency_bench.harness.export.job import ExportJob

        folder = tmp_path / target.name
        folder.mkdir(exist_ok=True)
        with torch.inference_mode():
            computed = module(*inputs.values())
        computed = computed if isinstance(computed, tuple) else (computed,)
        outputs = {f"output{number}": tensor.clone() for number, tensor in enumerate(computed)}
        return ExportJob(module, dict(inputs), outputs, folder / target.file_name(), "fp32", 17)

    return make


RTX = ("tensorrt_rtx_cu13_libs==1.7.1.116", "tensorrt_rtx_cu13_bindings==1.7.1.116", "numpy")


@pytest.fixture(scope="session")
def rtx_python(kept_folder: Path) -> Path:
    """Python of an environment with TensorRT for RTX, kept between runs (about 95 MB to fetch, once). Skips, with the
    reason, where it cannot be had."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("NVIDIA publishes these wheels for Linux on x86-64")
    folder = kept_folder / f"tensorrt-rtx-1.7.1.116-py{sys.version_info.major}{sys.version_info.minor}"
    python = folder / "bin" / "python"
    check = [str(python), "-c", "import numpy, tensorrt_rtx_bindings"]
    with FileLock(f"{folder}.lock"):
        if not python.exists() or subprocess.run(check, check=False, capture_output=True).returncode != 0:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            words = [str(python), "-m", "pip", "install", "--quiet", *RTX]
            installed = subprocess.run(words, check=False, capture_output=True, text=True)
            if installed.returncode != 0:
                pytest.skip(f"TensorRT for RTX cannot be installed: {installed.stderr[-300:]}")
    return python
