"""The real pycuda over the stand-in driver: the newest, and the last for Python 3.6, which the first Jetsons have.

There it runs on a real Python 3.6 with the oldest and the newest NumPy that the worker takes, and `tensorrt` has the
names of TensorRT 8.2 and no others. pycuda is compiled, which takes minutes the first time.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from real_pycuda import LAST_FOR_PYTHON_36, NEWEST, PycudaRelease
from worker_jobs import GRAPH, HERE, Ran, assert_doubled, measured_gpu, run_job

from bench_worker.libraries.tensorrt_float32 import MARK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass(frozen=True)
class Software:
    """What a device has."""

    pycuda: PycudaRelease
    tensorrt: str
    python: str = ""
    """A version; "" for the one of the tests, and its NumPy."""
    numpy: str = ""


DEVICES = {
    "today": Software(NEWEST, "10.3.0"),
    "JetPack 4, NumPy 1.13": Software(LAST_FOR_PYTHON_36, "8.2.1.8", "3.6", "1.13.3"),
    "JetPack 4, NumPy 1.19": Software(LAST_FOR_PYTHON_36, "8.2.1.8", "3.6", "1.19.5"),
}


@dataclass(frozen=True)
class Device:
    software: Software
    python: Path
    environment: dict[str, str]

    def run_job(self, folder: Path, variables: dict[str, str] | None = None, **changes: Any) -> Ran:
        options = {"memory": "pycuda", **changes.pop("options", {})}
        return run_job(folder, {**self.environment, **(variables or {})}, self.python, options=options, **changes)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **variables}
        return subprocess.run([str(self.python), *words], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=DEVICES)
def device(
    request: pytest.FixtureRequest, find_python: Any, build_pycuda: Any, install_packages: Any, over_driver: Any
) -> Device:
    software = DEVICES[request.param]
    python = find_python(software.python) if software.python else Path(sys.executable)
    if python is None:
        pytest.skip(f"there is no Python {software.python} on PATH, or in the folders of pyenv and uv")
    built = build_pycuda(software.pycuda, python)
    numpy = [install_packages(f"numpy=={software.numpy}", python=python)] if software.numpy else []
    environment = over_driver(
        *(HERE / "site", built.folder, *numpy),
        linked=built.linked_functions,
        STAND_IN_TENSORRT=software.tensorrt,
    )
    return Device(software, python, environment)


def test_the_contract_is_kept_and_what_it_had_is_given_back(device: Device) -> None:
    done = device.run(str(HERE / "memory_contract.py"), "pycuda")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["facts"] == {
        "name": "Stand-in GPU 0",
        "driver": 12080,
        "compute_capability": "8.7",
        "memory_total_bytes": 1 << 28,
        "library": f"pycuda {device.software.pycuda.version}",
        "pci_bus_id": "0000:3a:00.0",
    }
    assert report["opened"] == report["dropped"] == {"context": 1}
    assert report["kept"] == {"context": 1, "device": 1, "host": 1, "stream": 1, "event": 1}
    assert report["closed"] == report["after"] == {}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_job_goes_through(device: Device, tmp_path: Path, precision: str) -> None:
    rows = [["conv", "CONVOLUTION", "image", "k", 2.0], [f"sum_{MARK}", "ELEMENTWISE", "k", "y", 1.0]]
    graph = {**GRAPH, "layers": rows} if precision == "fp16" else GRAPH
    code, events, stderr = device.run_job(tmp_path, graph=graph, options={"precision": precision}, profile=5)
    assert code == 0, stderr
    software = device.software
    assert events["hello"]["python"].startswith(software.python)
    assert events["hello"]["numpy"].startswith(software.numpy)
    loaded = events["loaded"]
    assert loaded["runtime"]["version"] == software.tensorrt
    assert loaded["gpu"]["library"] == f"pycuda {software.pycuda.version}"
    assert loaded["layer_precisions"] == {"float32" if precision == "fp32" else "float16": 2}
    assert {"h2d_ns", "compute_ns", "d2h_ns", "enqueue_ns"} <= set(events["samples"])
    assert {layer["name"]: layer["calls"] for layer in events["done"]["profile"]["layers"]} == {"conv": 5, "gemm": 5}
    if precision == "fp32":
        assert_doubled(tmp_path)


def test_an_engine_with_a_plugin_in_it_loads_from_the_cache_of_an_earlier_process(
    device: Device, tmp_path: Path
) -> None:
    for origin in ("built", "cache"):
        code, events, stderr = device.run_job(tmp_path, graph={**GRAPH, "plugin": "InstanceNormalization_TRT"})
        assert code == 0, stderr
        assert events["loaded"]["engine"]["origin"] == origin


@pytest.mark.parametrize(
    ("variables", "kind", "says"),
    [
        ({"STAND_IN_MEMORY_BYTES": "100"}, "out-of-memory", "ran out"),
        ({"STAND_IN_CUDA_FAULTS": "cuMemHostAlloc=2"}, "out-of-memory", "pinned"),
        ({"STAND_IN_CUDA_FAULTS": "cuDeviceGetName=999"}, "runtime-failed", "went away"),
        ({"STAND_IN_CUDA_FAULTS": "cuEventSynchronize=719@9"}, "runtime-failed", "a kernel failed"),
        ({"STAND_IN_CUDA_FAULTS": "cuEventRecord=214@40"}, "runtime-failed", "went away"),
        ({"STAND_IN_CUDA_FAULTS": "cuDevicePrimaryCtxRetain=46"}, "runtime-failed", "exclusive use"),
        ({"STAND_IN_CUDA_FAULTS": "cuInit=803"}, "runtime-missing", "different versions"),
        ({"CUDA_VISIBLE_DEVICES": "7"}, "runtime-missing", "no NVIDIA GPU"),
    ],
)
def test_a_fault_of_the_gpu_ends_the_worker_with_its_reason(
    device: Device, tmp_path: Path, variables: dict[str, str], kind: str, says: str
) -> None:
    code, events, stderr = device.run_job(tmp_path, variables)
    assert code == 1, f"an abort would be {-signal.SIGABRT}: {stderr}"
    assert events["error"]["kind"] == kind
    assert says in events["error"]["message"]
    assert "done" not in events


def test_a_gpu_that_fails_when_it_is_let_go_of_is_told_too(device: Device, tmp_path: Path) -> None:
    code, events, stderr = device.run_job(tmp_path, {"STAND_IN_CUDA_FAULTS": "cuCtxPopCurrent=719"})
    assert code == 1, stderr
    assert events["error"]["kind"] == "runtime-failed"


def test_pycuda_aborts_a_process_that_ends_without_giving_the_gpu_back(device: Device) -> None:
    """What the worker's own end keeps from standing in place of the reason; without it the test above would fail."""
    program = "from bench_worker.memory import open_memory; memory = open_memory('pycuda', 0); raise SystemExit(1)"
    done = device.run("-c", program)
    assert done.returncode == -signal.SIGABRT
    assert "context stack was not empty" in done.stderr


def test_a_gpu_number_that_is_not_visible_is_a_wrong_request(device: Device, tmp_path: Path) -> None:
    code, events, _ = device.run_job(tmp_path, {"CUDA_VISIBLE_DEVICES": "1"}, options={"device": 1})
    assert code == 2
    assert "device=" in events["error"]["remedy"]


def test_the_check_of_a_device_ends_well(device: Device, tmp_path: Path) -> None:
    code, events, stderr = device.run_job(tmp_path, mode="--check")
    assert code == 0, stderr
    assert events["checked"]["modules"]["tensorrt"] == device.software.tensorrt


def test_the_probe_finds_the_gpu_by_its_place_on_the_bus(
    device: Device, install_packages: Any, over_driver: Any, tmp_path: Path
) -> None:
    code, events, stderr = device.run_job(tmp_path, {"CUDA_VISIBLE_DEVICES": "1"})
    assert code == 0, stderr
    assert "uuid" not in events["loaded"]["gpu"]
    assert measured_gpu(events, over_driver(install_packages("nvidia-ml-py==13.615.71"))) == "gpu1"


OPEN = """
from bench_worker.failure import WorkerError
from bench_worker.memory import open_memory
try:
    open_memory("pycuda", 0)
except WorkerError as error:
    print(error.kind, error.message)
"""


def test_without_a_driver_it_says_so(device: Device) -> None:
    done = device.run("-c", OPEN, LD_LIBRARY_PATH="")
    assert done.stdout.startswith("runtime-missing there is no NVIDIA driver here"), done
