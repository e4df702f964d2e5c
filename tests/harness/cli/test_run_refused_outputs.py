"""What computes something else than the model gets no number: MNN's cubic resize is wrong at the borders,
litert-torch's converter forgets to permute what was expanded, and ncnn's makes NaN of ONNX files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bench, InstallPackage

FAST = """\
name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 3, max_count: 10, min_s: 0.02, max_s: 0.5, window: 0}
sampling: {min_count: 5, max_count: 10, min_s: 0.02, max_s: 5, relative_interval: null}
"""


def test_a_resize_that_is_wrong_at_the_borders_is_refused_with_the_reason(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    words = ("--model", "b0-seg", "--resolution", "64x64", "--protocol", "fast.yaml", "--json")
    ran = bench("run", *words, "--runtime", "mnn")
    assert ran.returncode == 1, ran.stderr
    record: dict[str, Any] = json.loads((Path(ran.json()["path"]) / "record.json").read_text())
    assert record["summary"] is None
    assert record["failure"]["kind"] == "fidelity"
    assert "what ran does not compute the model" in record["failure"]["message"]
    assert record["fidelity"]["metrics"]["logits"]["max_rel"] > 0.05


POSITIONS = """\
import torch


class Net(torch.nn.Module):
    def forward(self, x):
        return x.reshape(-1, 1, 5, 1, 5).expand(-1, -1, -1, 5, -1).permute(0, 1, 4, 3, 2)
"""


def test_a_permutation_that_a_converter_forgot_is_refused(bench: Bench, tmp_path: Path) -> None:
    """As in BoTNet's relative positions. A release of the converter without this fault makes this test fail, and
    docs/method.md wrong."""
    (tmp_path / "fast.yaml").write_text(FAST)
    (tmp_path / "net.py").write_text(POSITIONS)
    words = ("--module", "net.py:Net", "--input", "5x5", "--protocol", "fast.yaml", "--json")
    wrong = bench("run", *words, "--runtime", "litert")
    assert wrong.returncode == 1, wrong.stderr
    record: dict[str, Any] = json.loads((Path(wrong.json()["path"]) / "record.json").read_text())
    assert record["failure"]["kind"] == "fidelity"
    right = bench("run", *words, "--runtime", "onnxruntime")
    assert right.returncode == 0, right.stderr
    assert right.json()["fidelity"]["passed"] is True


PLUGIN = {"bench.runtimes": "Runtime", "bench.formats": "Format"}
BY_ONNX = """\
import shutil
from dataclasses import replace

from bench_worker.runtimes.ncnn import Ncnn

try:
    from latency_bench.harness.export.formats import ncnn, onnx
    from latency_bench.harness.export.job import Conversion, channel_first

    OwnFormat = ncnn.Ncnn
except ImportError:  # in the worker, where nothing is exported
    OwnFormat = object


class Runtime(Ncnn):
    name = "ncnn-by-onnx"
    FORMAT = "ncnn-by-onnx"


class Format(OwnFormat):
    name = "ncnn-by-onnx"
    suffix = ".ncnnx"

    def export(self, job):
        folder = job.path.with_name("pnnx")
        folder.mkdir()
        onnx.export(replace(job, path=folder / "model.onnx"))
        ncnn.convert(folder, "model.onnx", list(job.inputs.values()))
        ncnn.pack(job, folder)
        shutil.rmtree(folder)
        return Conversion(channel_first(job.inputs), channel_first(job.outputs))
"""


@pytest.mark.parametrize("model", ["b0-cls-r224", pytest.param("b1-seg", marks=pytest.mark.slow)])
def test_what_pnnx_makes_of_onnx_files_is_refused(
    bench: Bench, install_package: InstallPackage, tmp_path: Path, model: str
) -> None:
    """Why files for ncnn come through TorchScript: harness/export/formats/ncnn.py."""
    (tmp_path / "fast.yaml").write_text(FAST)
    entry_points = {group: f"ncnn-by-onnx = by_onnx:{name}" for group, name in PLUGIN.items()}
    environment = {"PYTHONPATH": str(install_package("by_onnx", BY_ONNX, entry_points))}
    words = ("--model", model, "--resolution", "64x64", "--protocol", "fast.yaml", "--json")
    wrong = bench("run", *words, "--runtime", "ncnn-by-onnx", env=environment)
    assert wrong.returncode == 1, wrong.stderr
    record: dict[str, Any] = json.loads((Path(wrong.json()["path"]) / "record.json").read_text())
    assert record["failure"]["kind"] == "fidelity"
    assert "values are not finite" in record["failure"]["message"]
    right = bench("run", *words, "--runtime", "ncnn")
    assert right.returncode == 0, right.stderr
    assert right.json()["fidelity"]["passed"] is True


@pytest.mark.slow
def test_the_same_resize_by_another_runtime_is_right(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    words = ("--model", "b0-seg", "--resolution", "64x64", "--protocol", "fast.yaml", "--json")
    right = bench("run", *words, "--runtime", "openvino")
    assert right.returncode == 0, right.stderr
    assert right.json()["fidelity"]["passed"] is True
