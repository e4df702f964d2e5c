"""A job of the worker, as a process over the stand-in driver, and what has to come of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench_worker.events import parse_event
from latency_bench.devices.probes.nvidia import NvidiaProbe
from latency_bench.devices.probes.observed import ObservedRound, ObservedRun

HERE = Path(__file__).parent
SHAPE = [1, 3, 4, 4]
GRAPH: dict[str, Any] = {"opset": 13, "scale": 2.0, "shape": SHAPE}
"""Of the software that stands in for TensorRT: twice the input."""
JOB: dict[str, Any] = {
    "version": 1,
    "runtime": "tensorrt",
    "artifact": "model.onnx",
    "inputs": [{"name": "image", "shape": SHAPE, "dtype": "float32", "layout": "NCHW", "seed": 3}],
    "write_outputs": "outputs.npz",
    "warmup": {"min_count": 2, "max_count": 30, "min_ns": 0, "max_ns": 2_000_000_000, "window": 5},
    "sampling": {"min_count": 10, "max_count": 40, "min_ns": 0, "max_ns": 2_000_000_000, "relative_interval": 0.02},
}
Ran = tuple[int, dict[str, dict[str, Any]], str]
"""The code, the last event of each name, and what was printed on stderr."""


def run_job(
    folder: Path, environment: dict[str, str], python: str | Path, mode: str = "", graph: Any = GRAPH, **changes: Any
) -> Ran:
    """The worker in `folder`. `changes` are fields of the job; its memory is cuda-python's if they do not say so."""
    (folder / "model.onnx").write_text(json.dumps(graph))
    options = {"memory": "cuda-python", **changes.pop("options", {})}
    job = {"runtime": "tensorrt"} if mode else {**JOB, **changes}
    (folder / "job.json").write_text(json.dumps({**job, "runtime_options": options}))
    program = HERE.parents[2] / "bench_worker" / "start.py"
    done = subprocess.run(
        [str(python), str(program), *([mode] if mode else []), "job.json"],
        cwd=folder,
        env={**environment, "BENCH_ENGINES": str(folder / "engines")},
        capture_output=True,
        text=True,
        check=False,
    )
    events = [event for event in map(parse_event, done.stdout.splitlines()) if event is not None]
    return done.returncode, {event["event"]: event for event in events}, done.stderr


def assert_doubled(folder: Path) -> None:
    """The outputs are what the graph makes of the input."""
    image = np.random.RandomState(3).standard_normal(SHAPE).astype("float32")
    np.testing.assert_array_equal(np.load(folder / "outputs.npz")["y"], image * 2)


def measured_gpu(events: dict[str, dict[str, Any]], environment: dict[str, str]) -> str | None:
    """Which of the machine's GPUs the probe takes it to have run on, asking NVML in this environment."""
    program = [sys.executable, str(HERE / "nvml_answers.py"), ""]
    asked = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    facts = json.loads(asked.stdout)["facts"]
    return NvidiaProbe.measured_gpu(ObservedRun([ObservedRound({}, events["loaded"], events["done"], [])], facts))
