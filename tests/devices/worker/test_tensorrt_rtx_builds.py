"""TensorRT for RTX really parses and builds our ONNX files; it needs no GPU for that. The test installs the wheels into
an environment of its own (about 95 MB to fetch, once), and is skipped with the reason where that is not possible."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PACKAGES = ("tensorrt_rtx_cu13_libs==1.7.1.116", "tensorrt_rtx_cu13_bindings==1.7.1.116", "numpy")
ROOT = Path(__file__).resolve().parents[3]
BUILD = """
import json, sys
import tensorrt_rtx_bindings as trt
from devices.worker.runtimes.tensorrt_api import Build, TensorRtApi
from devices.worker.failure import WorkerError
api = TensorRtApi(trt, True)
for path in sys.argv[1:]:
    try:
        plan, _ = api.build(path, Build("fp32", 0, None, False, b""))
        print(json.dumps({"path": path, "size_bytes": len(plan)}), flush=True)
    except WorkerError as error:
        print(json.dumps({"path": path, "error": error.message}), flush=True)
"""


@pytest.fixture(scope="module")
def rtx_python():
    """Python of an environment with TensorRT for RTX, kept in the user's cache between runs."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("NVIDIA publishes these wheels for Linux on x86-64")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "bench" / f"tensorrt-rtx-1.7.1.116-py{sys.version_info.major}{sys.version_info.minor}"
    python = folder / "bin" / "python"
    check = [str(python), "-c", "import numpy, tensorrt_rtx_bindings"]
    if not python.exists() or subprocess.run(check, check=False, capture_output=True).returncode != 0:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        installed = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=False, capture_output=True, text=True
        )
        if installed.returncode != 0:
            pytest.skip(f"TensorRT for RTX cannot be installed: {installed.stderr[-300:]}")
    return python


def build(python, paths):
    """Events by file name: {"size_bytes": ...} or {"error": ...}."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(python), "-c", BUILD, *map(str, paths)], check=False, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {Path(event["path"]).parent.name: event for event in map(json.loads, done.stdout.splitlines())}


def smallest_size(spec):
    return {
        "classification": (64, 64),
        "segmentation": (128, 256),
        "super-resolution": (64, 64),
        "segment-anything": (256, 256),
    }.get(spec.task, (128, 128))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_every_model_of_the_family_parses_and_builds(rtx_python, tmp_path, precision):
    from harness.export import ExportOptions, export_artifact
    from model_specs import list_specs, load_spec

    names = [spec.id for spec in list_specs() if "efficientvit" in spec.family]
    names += [spec.id for spec in list_specs() if spec.family.startswith("segformer") and "b1" in spec.id]
    assert len(names) > 10
    # One size a network: the others differ in resolution alone, and these are exported smaller than any of them. In
    # half precision the smallest of each task and builder: its rewriting of the graph knows no sizes either.
    seen, refused = set(), {}
    for name in names:
        spec = load_spec(name)
        network = (spec.builder, json.dumps(spec.arguments, sort_keys=True, default=str) if precision == "fp32" else "")
        if network in seen:
            continue
        seen.add(network)
        small = spec.at(smallest_size(spec))
        artifact = export_artifact(small, "onnx", ExportOptions(precision=precision), tmp_path / "cache")
        (event,) = build(rtx_python, [artifact.path]).values()
        if "error" in event:
            refused[name] = event["error"]
        else:
            assert event["size_bytes"] > 100_000
        artifact.path.unlink()
    assert not refused


def test_what_is_no_onnx_file_is_refused(rtx_python, tmp_path):
    path = tmp_path / "bad" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(b"this is no protobuf")
    assert "cannot read" in build(rtx_python, [path])["bad"]["error"]
