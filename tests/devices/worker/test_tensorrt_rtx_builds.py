"""TensorRT for RTX really parses and builds our ONNX files; it needs no GPU for that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from latency_bench.harness.export import ExportOptions, export_artifact
from latency_bench.model_specs import list_specs, load_spec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
BUILD = """
import json, sys
import tensorrt_rtx_bindings as trt
from bench_worker.libraries.tensorrt_api import Build, TensorRtApi
from bench_worker.failure import WorkerError
api = TensorRtApi(trt, True)
from bench_worker.libraries import tensorrt_non_finite as looking
watched = []
def watch(network):
    watched[:] = looking._watchable(trt, network)
    looking._mark(api, network, watched, "fp16")
change = watch if sys.argv[1] == "watched" else lambda network: None
for path in sys.argv[2:]:
    try:
        plan, _ = api.build(path, Build("fp32", 0, None, False, b""), change)
        print(json.dumps({"path": path, "size_bytes": len(plan), "watched": [one[:2] for one in watched]}), flush=True)
    except WorkerError as error:
        print(json.dumps({"path": path, "error": error.message}), flush=True)
"""


def build(python, paths, how="plain"):
    """Events by file name: {"size_bytes": ...} or {"error": ...}; `watched`: with the outputs of all layers."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(python), "-c", BUILD, how, *map(str, paths)], check=False, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {Path(event["path"]).parent.name: event for event in map(json.loads, done.stdout.splitlines())}


SMALL = {
    "classification": (64, 64),
    "segmentation": (128, 256),
    "super-resolution": (64, 64),
    "segment-anything": (256, 256),
}
"""(height, width): whether a graph is understood does not depend on its size, and the export is quick."""


def networks():
    """One spec a network of the family, and SegFormer-B1: the others differ in resolution alone."""
    found = {}
    for spec in list_specs():
        if "efficientvit" in spec.family or spec.id.startswith("segformer-b1"):
            found.setdefault((spec.builder, json.dumps(spec.arguments, sort_keys=True, default=str)), spec.id)
    return sorted(found.values())


HALF = ("b0-cls-r224", "b1-seg", "l1-seg", "sr-w1.0-ffhq", "sam-l0", "segformer-b1")
"""One of each kind: the rewriting into half precision knows no sizes either."""


@pytest.mark.parametrize(
    ("name", "precision"), [*((name, "fp32") for name in networks()), *((name, "fp16") for name in HALF)]
)
def test_the_exported_model_parses_and_builds(rtx_python, tmp_path, name, precision):
    spec = load_spec(name)
    cache = tmp_path / "cache"
    try:
        options = ExportOptions(precision=precision)
        artifact = export_artifact(spec.at(SMALL[spec.task]), "onnx", options, cache)
        (event,) = build(rtx_python, [artifact.path]).values()
        assert "error" not in event, event["error"]
        # An engine holds its weights: nothing was left out.
        assert event["size_bytes"] > 0.9 * artifact.size_bytes
    finally:
        # The large ones take gigabytes, and pytest would keep them.
        shutil.rmtree(cache, ignore_errors=True)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_network_whose_layers_are_all_watched_builds_too(rtx_python, tmp_path, precision):
    options = ExportOptions(precision=precision)
    artifact = export_artifact(
        load_spec("b0-cls-r224").at(SMALL["classification"]), "onnx", options, tmp_path / "cache"
    )
    (event,) = build(rtx_python, [artifact.path], "watched").values()
    assert "error" not in event, event["error"]
    operators = [operator for _, operator in event["watched"]]
    convolutions = artifact.facts["operators"]["Conv"]
    assert operators.count("CONVOLUTION") == convolutions > 30
    assert "CONSTANT" not in operators


def test_the_whole_family_is_there():
    assert len(networks()) >= 30


def test_what_is_no_onnx_file_is_refused(rtx_python, tmp_path):
    path = tmp_path / "bad" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(b"this is no protobuf")
    assert "cannot read" in build(rtx_python, [path])["bad"]["error"]
