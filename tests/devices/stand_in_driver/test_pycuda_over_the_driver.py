"""pycuda, built from its source against the headers of NVIDIA's wheels, over the stand-in driver.

For the Python of the tests, and for Python 3.6 with numpy 1.13 and 1.19, as on the first Jetsons: the whole worker runs
TensorRT's path there, with the calls of 8.2.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bench_worker.events import parse_event

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
HEADERS = "nvidia-cuda-runtime-cu12==12.4.127"
PROFILER_HEADER = """#pragma once
#include <cuda.h>
extern "C" {
typedef enum CUoutput_mode_enum { CU_OUT_KEY_VALUE_PAIR, CU_OUT_CSV } CUoutput_mode;
CUresult cuProfilerInitialize(const char *, const char *, CUoutput_mode);
CUresult cuProfilerStart(void);
CUresult cuProfilerStop(void);
}
"""
"""The one header that no wheel has, declared anew."""
BUILDS = {
    "now": ("", "pycuda==2026.1", "numpy"),
    "3.6 and numpy 1.13": ("3.6", "pycuda==2022.1", "numpy==1.13.3"),
    "3.6 and numpy 1.19": ("3.6", "pycuda==2022.1", "numpy==1.19.5"),
}


@dataclass(frozen=True)
class Built:
    python: Path
    driver: Path

    def run(self, *words: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join((str(HERE / "site"), str(ROOT)))
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.driver), "PYTHONPATH": paths, **variables}
        return subprocess.run(
            [self.python, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(params=BUILDS)
def built(
    request: pytest.FixtureRequest, shared_folder: Path, compile_driver: Any, install_packages: Any, find_python: Any
) -> Built:
    version, pycuda, numpy = BUILDS[request.param]
    python = find_python(version) if version else Path(sys.executable)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    folder = shared_folder / re.sub(r"\W+", "-", request.param)
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            _build(folder, python, pycuda, numpy, install_packages(HEADERS), compile_driver())
    wanted = (folder / "done").read_text().split()
    return Built(folder / "bin/python", compile_driver(without=wanted))


def _build(folder: Path, python: Path, pycuda: str, numpy: str, headers: Path, driver: Path) -> None:
    """An environment with both, and in its file `done` the driver's functions that pycuda is bound to beyond ours."""
    root = folder.with_name(f"{folder.name}-cuda")
    (root / "lib").mkdir(parents=True, exist_ok=True)
    (root / "include").mkdir(exist_ok=True)
    (root / "include/cudaProfiler.h").write_text(PROFILER_HEADER)
    link = root / "lib/libcuda.so"
    link.unlink(missing_ok=True)
    link.symlink_to(driver / "libcuda.so.1")
    settings = {
        "CUDA_ROOT": str(root),
        "CUDA_INC_DIR": [str(root / "include"), *map(str, headers.glob("nvidia/*/include"))],
        "CUDADRV_LIB_DIR": [str(root / "lib")],
        "CUDART_LIB_DIR": [str(root / "lib")],
        "CUDART_LIBNAME": [],
        "CUDA_ENABLE_CURAND": False,
    }
    (root / ".aksetup-defaults.py").write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    environment = {**os.environ, "HOME": str(root), "PYTHONPATH": "", "CUDA_ROOT": str(root), "MAKEFLAGS": "-j2"}

    def call(*words: str | Path) -> None:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]

    call(python, "-m", "venv", "--clear", folder)
    call(folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", numpy)
    call(folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pycuda)
    (library,) = folder.glob("lib/python*/site-packages/pycuda/_driver*.so")
    bound = subprocess.run(["nm", "-D", "--undefined-only", library], capture_output=True, text=True, check=True).stdout
    ours = subprocess.run(
        ["nm", "-D", "--defined-only", driver / "libcuda.so.1"], capture_output=True, text=True, check=True
    )
    names = set(re.findall(r"\b(cu[A-Z]\w+)", bound)) - set(re.findall(r"\b(cu[A-Z]\w+)", ours.stdout))
    (folder / "done").write_text("\n".join(sorted(names)))


def test_pycuda_keeps_the_contract_and_gives_back_what_it_had(built: Built, tmp_path: Path) -> None:
    done = built.run(str(HERE / "memory_contract.py"), "pycuda", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    facts = report["facts"]
    assert (facts["name"], facts["compute_capability"]) == ("Stand-in GPU 0", "8.7")
    assert facts["pci_bus_id"] == "0000:3a:00.0"
    assert report["opened"] == report["dropped"] == {"context": 1}
    assert report["kept"] == {"context": 1, "device": 1, "host": 1, "stream": 1, "event": 1}
    assert report["closed"] == report["after"] == {}


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., str]:
    """job(): the path of a job for TensorRT with pycuda."""
    shape = [1, 3, 4, 4]

    def write(**changes: Any) -> str:
        (tmp_path / "model.onnx").write_text(json.dumps({"opset": 13, "scale": 2.0, "shape": shape}))
        document = {
            "version": 1,
            "runtime": "tensorrt",
            "runtime_options": {"memory": "pycuda"},
            "artifact": "model.onnx",
            "inputs": [{"name": "image", "shape": shape, "dtype": "float32", "layout": "NCHW", "seed": 3}],
            "write_outputs": "outputs.npz",
            "warmup": {"min_count": 2, "max_count": 30, "min_ns": 0, "max_ns": 2_000_000_000, "window": 5},
            "sampling": {
                "min_count": 10,
                "max_count": 40,
                "min_ns": 0,
                "max_ns": 2_000_000_000,
                "relative_interval": 0.02,
            },
            **changes,
        }
        (tmp_path / "job.json").write_text(json.dumps(document))
        return "job.json"

    return write


@pytest.mark.parametrize("faults", ["", "cuEventSynchronize=719@9", "cuMemAlloc=2", "cuCtxPopCurrent=719"])
def test_the_worker_ends_with_a_reason_and_never_by_an_abort(
    built: Built, job: Callable[..., str], tmp_path: Path, faults: str
) -> None:
    start = str(ROOT / "bench_worker/start.py")
    variables = {
        "STAND_IN_TENSORRT": "8.2.1.8",
        "STAND_IN_CUDA_FAULTS": faults,
        "BENCH_ENGINES": str(tmp_path / "engines"),
    }
    done = built.run(start, job(), folder=tmp_path, **variables)
    events = {event["event"]: event for event in map(parse_event, done.stdout.splitlines()) if event is not None}
    if faults:
        assert done.returncode == 1, (done.returncode, done.stderr)
        assert events["error"]["kind"] in ("runtime-failed", "out-of-memory")
    else:
        assert done.returncode == 0, done.stderr
        assert events["loaded"]["gpu"]["library"].startswith("pycuda")
        assert events["done"]["count"] >= 10
