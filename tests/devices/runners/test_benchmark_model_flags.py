"""Flags: what a binary lists, and what a request becomes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from latency_bench.devices.errors import DeviceError, InventoryError, WorkerError
from latency_bench.devices.runners.benchmark_model import BenchmarkModelRunner
from latency_bench.devices.runners.benchmark_model_flags import (
    is_compiled_model,
    parse_flags,
    tool_flags,
)
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions

DATA = Path(__file__).parent / "data"
USAGE = (DATA / "tf2141_badflag.err.head").read_text() + "".join(
    f"\n\t--{name}=0 \t{kind}\toptional\ttext"
    for name, kind in (("graph", "string"), ("warmup_runs", "int32"), ("warmup_min_secs", "float"))
)
COMMON = frozenset(["graph", "num_runs", "min_secs", "max_secs", "warmup_runs", "warmup_min_secs", "num_threads"])
CLASSIC = COMMON | {"use_xnnpack", "use_gpu", "gpu_precision_loss_allowed"}
COMPILED = COMMON | {"use_cpu", "use_gpu", "require_full_delegation", "allow_fp16"}
SETTINGS = BenchmarkModelOptions(runs=20, warmup_runs=5)


def test_the_recorded_usage_is_read():
    flags = parse_flags(USAGE)
    assert flags >= COMMON
    assert "run_frequency" in flags


def test_something_that_is_no_benchmark_model_is_said():
    with pytest.raises(WorkerError, match="no benchmark_model that bench can use"):
        parse_flags("hello")


@example((DATA / "tf2141_badflag.err.head").read_text())
@given(st.text())
def test_any_usage_is_flags_or_an_error_of_ours(text):
    with contextlib.suppress(WorkerError):
        assert parse_flags(text) >= COMMON


def _flags(known, runtime, **options):
    words = tool_flags(
        known,
        BenchmarkModelRunner.runtime(runtime).ON_GPU,
        BenchmarkModelRunner.options(runtime, options),
        SETTINGS,
        "/m.tflite",
    )
    return dict(word[2:].split("=", 1) for word in words)


def test_counts_are_exact_and_xnnpack_is_always_explicit():
    flags = _flags(CLASSIC, "litert", threads=4)
    assert flags == {
        "graph": "/m.tflite",
        "num_threads": "4",
        "num_runs": "20",
        "warmup_runs": "5",
        "min_secs": "0",
        "warmup_min_secs": "0",
        "max_secs": "150",
        "use_xnnpack": "true",
    }
    assert _flags(CLASSIC, "litert", xnnpack=False)["use_xnnpack"] == "false"


def test_the_gpu_computes_in_fp32_unless_told_otherwise():
    flags = _flags(CLASSIC, "litert-gpu")
    assert (flags["use_gpu"], flags["gpu_precision_loss_allowed"], flags["use_xnnpack"]) == ("true", "false", "false")
    assert _flags(CLASSIC, "litert-gpu", allow_fp16=True)["gpu_precision_loss_allowed"] == "true"


def test_the_compiled_model_tool_has_flags_of_its_own():
    assert is_compiled_model(COMPILED)
    assert not is_compiled_model(CLASSIC)
    assert _flags(COMPILED, "litert")["use_cpu"] == "true"
    flags = _flags(COMPILED, "litert-gpu")
    assert (flags["use_gpu"], flags["require_full_delegation"], flags["allow_fp16"]) == ("true", "true", "false")


def test_the_newer_compiled_model_tool_names_the_gpu_precision():
    newer = parse_flags((DATA / "litert220_cm_flags.stderr").read_text())
    assert is_compiled_model(newer)
    assert _flags(newer, "litert", threads=2)["num_threads"] == "2"
    with pytest.raises(DeviceError, match="no kernels but XNNPACK's"):
        _flags(newer, "litert", xnnpack=False)
    assert _flags(newer, "litert-gpu")["gpu-precision"] == "fp32"
    assert _flags(newer, "litert-gpu", allow_fp16=True)["gpu-precision"] == "auto"


@pytest.mark.parametrize(
    ("known", "runtime", "what"), [(COMMON, "litert", "XNNPACK"), (COMMON, "litert-gpu", "the GPU delegate")]
)
def test_a_build_that_cannot_do_it_is_said(known, runtime, what):
    with pytest.raises(DeviceError, match=f"without {what}"):
        _flags(known, runtime)


def test_a_build_without_xnnpack_can_run_its_own_kernels():
    assert "use_xnnpack" not in _flags(COMMON, "litert", xnnpack=False)


@pytest.mark.parametrize("options", [{"spin": True}, {"threads": "4"}, {"threads": True}, {"xnnpack": 1}])
def test_a_wrong_option_is_a_wrong_request(options):
    with pytest.raises(InventoryError):
        BenchmarkModelRunner.options("litert", options)
