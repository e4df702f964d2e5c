"""The runner by itself on the real daemon: a tool that hangs, cores and readings."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from latency_bench.devices.device import Device
from latency_bench.devices.errors import DeviceError, InventoryError
from latency_bench.devices.probes.android import AndroidProbe
from latency_bench.devices.runners.base import RoundJob
from latency_bench.devices.runners.benchmark_model import BenchmarkModelRunner
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions

TFLITE = Path(__file__).parents[1] / "runners" / "data" / "tiny_f32.tflite"
_COUNTS = {"min_count": 2, "max_count": 2, "min_ns": 0, "max_ns": 10**11, "window": 0}


def _request(**changes: object) -> RoundJob:
    fields: dict[str, object] = {
        "runtime": "litert",
        "runtime_options": {"threads": 1},
        "inputs": [],
        "warmup": _COUNTS,
        "sampling": {**_COUNTS, "relative_interval": None, "confidence": 0.95},
        "cpus": (max(os.sched_getaffinity(0)),),
        **changes,
    }
    return RoundJob(**fields)  # type: ignore[arg-type]


def _settings(tool: Path) -> BenchmarkModelOptions:
    return BenchmarkModelOptions(binary=tool, runs=3, warmup_runs=1, max_process_s=5)


def test_a_tool_that_hangs_is_stopped_and_leaves_nothing(transport, make_tool, tmp_path):
    runner = BenchmarkModelRunner(_settings(make_tool("hang")))
    deployment = runner.deploy(transport, TFLITE, "0" * 64)
    with pytest.raises(DeviceError, match=r"said nothing for 2 s .* was stopped"):
        runner.measure(transport, deployment, _request(idle_timeout_s=2.0), tmp_path / "o.npz", lambda _: None)
    deadline_s = time.monotonic() + 120
    pattern = f"{tmp_path}/device/files.*--num_runs=3"
    while subprocess.run(["pgrep", "-f", pattern], capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < deadline_s, "the tool outlived its call"
        time.sleep(0.05)
    works = BenchmarkModelRunner(_settings(make_tool("replay")))
    deployment = works.deploy(transport, TFLITE, "0" * 64)
    seen = []
    result = works.measure(transport, deployment, _request(), tmp_path / "o.npz", seen.append)
    assert len(result.samples.latency_ns) == 2
    assert [one.stage for one in seen] == ["starting", "loaded", "sampling", "sampling"]


def test_the_cap_in_time_is_kept(transport, make_tool, tmp_path):
    runner = BenchmarkModelRunner(_settings(make_tool("replay")))
    deployment = runner.deploy(transport, TFLITE, "0" * 64)
    bounds = {**_COUNTS, "min_count": 1000, "max_count": 1000, "max_ns": 10**9}
    request = _request(sampling={**bounds, "relative_interval": None, "confidence": 0.95})
    result = runner.measure(transport, deployment, request, tmp_path / "o.npz", lambda _: None)
    assert result.done["stopped_by"] == "max_ns"
    assert 1 <= len(result.samples.latency_ns) < 1000


def test_cores_and_readings_come_from_the_device(transport):
    runner = BenchmarkModelRunner.for_device(Device(name="phone"))
    assert set(runner.available_cpus(transport)) >= os.sched_getaffinity(0)
    probe = AndroidProbe()
    assert {"memory_available", "cpu_time_busy"} <= {one.quantity for one in probe.read(transport)}
    assert probe.fingerprint(transport)["logical_cpus"] >= 1


def test_an_unknown_runtime_is_a_wrong_request():
    with pytest.raises(InventoryError, match="does not offer a runtime called 'torch'"):
        BenchmarkModelRunner.runtime("torch")
