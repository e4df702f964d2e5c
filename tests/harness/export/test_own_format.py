"""A file format of a third party: one file with a class, and its entry point. Nothing else has to know it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

SOURCE = '''
"""A model's weights as an .npz, for whoever writes the arithmetic by hand."""
from latency_bench.harness.export.format import Format
from latency_bench.harness.export.job import Conversion, channel_first


class Weights(Format):
    name = "weights"
    title = "NumPy"
    suffix = ".npz"
    precisions = ("fp32", "fp16")
    modules = ("torch",)
    distributions = ("torch", "numpy")

    def export(self, job):
        import numpy as np

        kind = "float16" if job.precision == "fp16" else "float32"
        arrays = {name: tensor.detach().numpy().astype(kind) for name, tensor in job.module.named_parameters()}
        np.savez(job.path, **arrays)
        return Conversion(channel_first(job.inputs), channel_first(job.outputs), {"arrays": len(arrays)})
'''
TINY = ("--model", "b0-cls-r224", "--resolution", "64x64")


@pytest.fixture
def export(bench: Callable[..., Any], install_package: Callable[..., Path]) -> Callable[..., Any]:
    site = install_package("lab_weights", SOURCE, {"bench.formats": "weights = lab_weights:Weights"})
    return lambda *words: bench("export", *TINY, *words, env={"PYTHONPATH": str(site)})


def test_a_model_is_exported_to_it_and_kept_in_the_cache(export: Callable[..., Any], tmp_path: Path) -> None:
    for precision, kind in (("fp32", np.float32), ("fp16", np.float16)):
        to = tmp_path / f"{precision}.npz"
        done = export("--format", "weights", "--precision", precision, "--to", str(to), "--json")
        assert done.returncode == 0, done.stderr
        artifact = json.loads(done.stdout)
        assert artifact["format"] == "weights"
        with np.load(to, allow_pickle=False) as arrays:
            assert len(arrays.files) == artifact["facts"]["arrays"] > 50
            assert {arrays[name].dtype for name in arrays.files} == {np.dtype(kind)}
        assert "exporting" not in export("--format", "weights", "--precision", precision).stderr, "it is in the cache"


def test_errors_know_it(export: Callable[..., Any]) -> None:
    refused = export("--format", "weights", "--precision", "bf16")
    assert refused.returncode == 1
    assert "NumPy files are exported in fp32, fp16; not in bf16" in refused.stderr
    unknown = export("--format", "wieghts")
    assert unknown.returncode == 2
    assert "onnx, pt2, pte, tflite, weights" in " ".join(unknown.stderr.split())
