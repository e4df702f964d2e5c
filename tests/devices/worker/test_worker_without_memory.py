"""A runtime that memory runs out on says so in one line, in its own words or not: here the process may have no more."""

from __future__ import annotations

import itertools

import pytest
import torch

from bench_worker.runtimes import runtime_class
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.export.job import ExportJob

SIDE = 512
LIMITED = """
import resource
from bench_worker.runtimes import runtime_class

Whole = runtime_class({runtime!r})


def limit():
    "The rest of the model needs four times as much."
    with open("/proc/self/status") as stream:
        (kilobytes,) = [line.split()[1] for line in stream if line.startswith("VmSize")]
    resource.setrlimit(resource.RLIMIT_AS, ((int(kilobytes) << 10) + (24 << 20), resource.RLIM_INFINITY))


class Limited(Whole):
    def load(self, artifact, inputs):
        if {when!r} == "load":
            limit()
        return super().load(artifact, inputs)

    def invoke(self):
        if {when!r} == "request":
            limit()
        super().invoke()
"""


@pytest.mark.parametrize(
    ("runtime", "when"),
    [
        ("ncnn", "request"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("executorch", "request"),
                ("litert", "load"),
                ("mnn", "load"),
                ("onnxruntime", "request"),
                ("openvino", "load"),
                ("torch", "request"),
            )
        ),
    ],
)
def test_memory_that_runs_out_within_a_runtime_is_told_in_a_line(tmp_path, run_worker, request_for, runtime, when):
    channels = itertools.pairwise([3, 64, 64])
    module = torch.nn.Sequential(*(torch.nn.Conv2d(a, b, 3, padding=1) for a, b in channels)).eval()
    image, target = torch.zeros(1, 3, SIDE, SIDE), find_format(runtime_class(runtime).FORMAT)
    with torch.inference_mode():
        job = ExportJob(module, {"image": image}, {"y": module(image)}, tmp_path / target.file_name(), "fp32", 17)
    layout = target.export(job).inputs[0].layout
    site = tmp_path / "site"
    site.mkdir()
    (site / "limited_runtime.py").write_text(LIMITED.format(runtime=runtime, when=when))
    inputs = [{"name": "image", "shape": [1, 3, SIDE, SIDE], "dtype": "float32", "layout": layout, "seed": 3}]
    document = request_for(runtime, job.path, inputs=inputs, write_outputs=None)
    finished = run_worker({**document, "runtime_class": "limited_runtime:Limited"}, paths=(site,))
    error = finished.event("error")
    assert error["kind"] in ("process-limit", "out-of-memory"), error
    assert error["remedy"]
    assert "\n" not in error["message"]
