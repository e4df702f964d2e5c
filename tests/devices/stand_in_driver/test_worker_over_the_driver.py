"""The worker as a process, with the real cuda-python over the stand-in driver and TensorRT in software.

It proves calls, lifetimes, and that a failure is told: the driver does everything at once, so that no time means
anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from worker_jobs import GRAPH, HERE, Ran, assert_doubled, measured_gpu, run_job

BINDINGS = {
    "12.4": ("cuda-python==12.4.0",),
    "13.5": ("cuda-bindings==13.5.0", "cuda-pathfinder==1.9.0"),
}


@pytest.fixture
def run(tmp_path: Path, install_packages: Any, over_driver: Any) -> Callable[..., Ran]:
    """run("10.3.0", options={...}): a job with this version of TensorRT."""

    def start(version: str, bindings: str = "13.5", **changes: Any) -> Ran:
        packages, variables = install_packages(*BINDINGS[bindings]), changes.pop("variables", {})
        environment = over_driver(HERE / "site", packages, STAND_IN_TENSORRT=version, **variables)
        return run_job(tmp_path, environment, sys.executable, **changes)

    return start


@pytest.mark.parametrize(
    ("version", "bindings"), [("8.2.1.8", "12.4"), ("8.6.1", "12.4"), ("10.3.0", "13.5"), ("11.0.0", "13.5")]
)
def test_a_job_goes_through(run: Any, tmp_path: Path, version: str, bindings: str) -> None:
    code, events, stderr = run(version, bindings)
    assert code == 0, stderr
    assert_doubled(tmp_path)
    gpu = events["loaded"]["gpu"]
    assert gpu["name"] == "Stand-in GPU 0"
    assert gpu["library"].startswith(f"cuda-python {bindings}")
    assert gpu["empty_phase_ns"] >= 0
    assert events["done"]["count"] >= 10
    assert {"h2d_ns", "compute_ns", "d2h_ns", "enqueue_ns"} <= set(events["samples"])


def test_a_graph_is_measured_and_the_layers_are_told_all_the_same(run: Any, tmp_path: Path) -> None:
    code, events, stderr = run("10.3.0", options={"cuda_graph": True}, profile=5)
    assert code == 0, stderr
    assert {layer["name"] for layer in events["done"]["profile"]["layers"]} == {"conv", "gemm"}
    assert all(layer["calls"] == 5 for layer in events["done"]["profile"]["layers"])
    assert_doubled(tmp_path)


def test_an_engine_with_a_plugin_in_it_loads_from_the_cache_of_an_earlier_process(run: Any) -> None:
    graph = {**GRAPH, "plugin": "InstanceNormalization_TRT"}
    for origin in ("built", "cache"):
        code, events, stderr = run("8.2.1.8", "12.4", graph=graph)
        assert code == 0, stderr
        assert events["loaded"]["engine"]["origin"] == origin


@pytest.mark.parametrize(
    ("variables", "kind", "says"),
    [
        ({"STAND_IN_MEMORY_BYTES": "100"}, "out-of-memory", "ran out"),
        ({"STAND_IN_CUDA_FAULTS": "cuEventSynchronize=719@9"}, "runtime-failed", "a kernel failed"),
        ({"STAND_IN_CUDA_FAULTS": "cuEventRecord=214@40"}, "runtime-failed", "went away"),
        ({"STAND_IN_CUDA_FAULTS": "cuStreamEndCapture=900"}, "runtime-failed", "could not be captured"),
        ({"STAND_IN_CUDA_FAULTS": "cuDevicePrimaryCtxRetain=46"}, "runtime-failed", "exclusive use"),
        ({"CUDA_VISIBLE_DEVICES": "7"}, "runtime-missing", "no NVIDIA GPU"),
    ],
)
def test_a_fault_of_the_gpu_ends_the_worker_with_its_reason(
    run: Any, variables: dict[str, str], kind: str, says: str
) -> None:
    code, events, stderr = run("10.3.0", variables=variables, options={"cuda_graph": "Capture" in str(variables)})
    assert code == 1, stderr
    assert events["error"]["kind"] == kind
    assert says in events["error"]["message"]
    assert "done" not in events


def test_a_gpu_number_that_is_not_visible_is_a_wrong_request(run: Any) -> None:
    code, events, _ = run("10.3.0", variables={"CUDA_VISIBLE_DEVICES": "1"}, options={"device": 1})
    assert code == 2
    assert "device=" in events["error"]["remedy"]


def test_the_check_of_a_device_ends_well_and_holds_nothing(run: Any) -> None:
    code, events, stderr = run("10.3.0", mode="--check")
    assert code == 0, stderr
    assert events["checked"]["modules"]["tensorrt"] == "10.3.0"


@pytest.mark.parametrize(
    ("visible", "mig", "gpu"), [("1", "", "gpu1"), ("1,0", "", "gpu1"), ("0", "", "gpu0"), ("1", "1", None)]
)
def test_the_probe_finds_the_gpu_that_the_worker_ran_on(
    run: Any, install_packages: Any, over_driver: Any, visible: str, mig: str, gpu: str | None
) -> None:
    _, events, _ = run("10.3.0", variables={"CUDA_VISIBLE_DEVICES": visible})
    environment = over_driver(install_packages("nvidia-ml-py==13.615.71"), STAND_IN_MIG=mig)
    assert measured_gpu(events, environment) == gpu
