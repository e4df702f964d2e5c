"""Threads that were asked for are threads that work: counted by the processor time of each thread of the worker."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import pytest
import torch

from bench_worker.runtimes import runtime_class
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.export.job import ExportJob

RUNTIMES = [
    *("litert", "onnxruntime"),
    *(pytest.param(runtime, marks=pytest.mark.slow) for runtime in ("executorch", "mnn", "ncnn", "openvino", "torch")),
]
LEAST_SHARE = 0.15
"""Of all processor time of the process: what a thread has to have for it to count as working."""


class Wide(torch.nn.Module):
    """Convolutions that are worth being parted."""

    def __init__(self) -> None:
        super().__init__()
        channels = [3, 64, 64, 64]
        pairs = itertools.pairwise(channels)
        self.layers = torch.nn.Sequential(*(torch.nn.Conv2d(a, b, 3, padding=1) for a, b in pairs))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.layers(image)
        return features


@pytest.fixture(scope="module")
def job_of(tmp_path_factory):
    """By runtime, the fields of a job for the same model."""
    torch.manual_seed(0)
    module, image = Wide().eval(), torch.randn(1, 3, 128, 128)
    made = {}

    def make(runtime):
        name = runtime_class(runtime).FORMAT
        if name not in made:
            target = find_format(name)
            path = tmp_path_factory.mktemp(name) / target.file_name()
            with torch.inference_mode():
                outputs = {"features": module(image)}
            conversion = target.export(ExportJob(module, {"image": image}, outputs, path, "fp32", 17))
            made[name] = path, conversion.inputs[0].layout
        path, layout = made[name]
        inputs = [{"name": "image", "shape": [1, 3, 128, 128], "dtype": "float32", "layout": layout, "seed": 3}]
        return path, inputs

    return make


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two threads need two cores")
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_as_many_threads_work_as_were_asked_for(start_worker, request_for, job_of, runtime):
    path, inputs = job_of(runtime)
    for threads in (1, 2):
        sampling = {"min_count": 10, "max_count": 100_000, "min_ns": 2_500_000_000, "max_ns": 60_000_000_000}
        document = request_for(
            runtime,
            path,
            inputs=inputs,
            runtime_options={"threads": threads},
            write_outputs=None,
            sampling={**sampling, "relative_interval": None},
        )
        process = start_worker(document)
        process_time = _thread_times(process)
        stdout, stderr = process.communicate()
        assert process.returncode == 0, stdout[-1000:] + stderr[-1000:]
        total = sum(process_time.values())
        working = [seconds for seconds in process_time.values() if seconds > LEAST_SHARE * total]
        assert len(working) == threads, (runtime, threads, process_time)


def _thread_times(process):
    """Processor seconds by thread while the process samples: what the threads had before is taken off."""
    ticks = os.sysconf("SC_CLK_TCK")
    before, latest = None, {}
    lines = iter(process.stdout.readline, "")
    for line in lines:
        if '"loaded"' in line:
            break
    while process.poll() is None:
        times = {}
        for task in Path(f"/proc/{process.pid}/task").glob("*"):
            try:
                fields = (task / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            times[task.name] = (int(fields[11]) + int(fields[12])) / ticks
        if times:
            before = times if before is None else before
            latest.update(times)
        time.sleep(0.05)
        if _has_ended(process):
            break
    return {task: seconds - (before or {}).get(task, 0.0) for task, seconds in latest.items()}


def _has_ended(process):
    """Its output is short: nothing blocks it, and it can be read when it has ended."""
    return process.poll() is not None
