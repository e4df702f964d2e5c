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
from latency_bench.devices.runners.benchmark_model_tool import check_android
from latency_bench.devices.runners.brought_libraries import DISPATCH, Libraries, push_libraries
from latency_bench.devices.transports.local import LocalTransport

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
    with pytest.raises(WorkerError, match="bench cannot use this benchmark_model"):
        parse_flags("hello")


@example((DATA / "tf2141_badflag.err.head").read_text())
@given(st.text())
def test_any_usage_is_flags_or_an_error_of_ours(text):
    with contextlib.suppress(WorkerError):
        assert parse_flags(text) >= COMMON


def _flags(known, runtime, libraries=None, **options):
    words = tool_flags(
        known,
        BenchmarkModelRunner.runtime(runtime),
        BenchmarkModelRunner.options(runtime, options),
        SETTINGS,
        "/m.tflite",
        libraries,
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
    with pytest.raises(DeviceError, match="cannot run without XNNPACK"):
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


def test_an_npu_is_asked_for_with_the_vendors_libraries_and_nothing_beside_it():
    newer = parse_flags((DATA / "litert220_cm_flags.stderr").read_text())
    with pytest.raises(DeviceError, match="does not name the dispatch library"):
        _flags(newer, "litert-npu")
    names = ("libLiteRtDispatch_Qualcomm.so", "libLiteRtCompilerPlugin_Qualcomm.so", "libQnnHtp.so")
    libraries = Libraries({name: f"/d/{index}/{name}" for index, name in enumerate(names)})
    flags = _flags(newer, "litert-npu", libraries)
    assert (flags["use_npu"], flags["use_cpu"], flags["require_full_delegation"]) == ("true", "false", "true")
    assert (flags["dispatch_library_path"], flags["compiler_plugin_library_path"]) == ("/d/0", "/d/1")
    assert "use_gpu" not in flags
    assert _flags(newer, "litert-npu", libraries, allow_partial=True)["require_full_delegation"] == "false"
    assert _flags(newer, "litert-npu", libraries, mediatek_nerun_pilot_version="version7")[
        "mediatek_nerun_pilot_version"
    ] == ("version7")
    with pytest.raises(DeviceError, match="lists no --qualcomm_htp_performance_mode"):
        _flags(newer, "litert-npu", libraries, qualcomm_htp_performance_mode="burst")
    assert libraries.environment() == {"LD_LIBRARY_PATH": "/d/0:/d/1:/d/2", "ADSP_LIBRARY_PATH": "/d/0;/d/1;/d/2"}


def test_nnapi_may_not_fall_back_to_its_own_code_on_the_processor():
    known = CLASSIC | {"use_nnapi", "disable_nnapi_cpu", "nnapi_allow_fp16", "nnapi_accelerator_name"}
    flags = _flags(known, "litert-nnapi", nnapi_accelerator_name="qti-dsp")
    assert (flags["use_nnapi"], flags["disable_nnapi_cpu"], flags["nnapi_allow_fp16"]) == ("true", "true", "false")
    assert (flags["nnapi_accelerator_name"], flags["use_xnnpack"]) == ("qti-dsp", "false")
    with pytest.raises(DeviceError, match="without NNAPI"):
        _flags(CLASSIC, "litert-nnapi")


def test_a_delegate_of_a_third_party_is_loaded_by_the_classic_tool():
    known = CLASSIC | {"external_delegate_path", "external_delegate_options"}
    with pytest.raises(DeviceError, match="does not name the delegate's library"):
        _flags(known, "litert-external")
    libraries = Libraries({"libQnnTFLiteDelegate.so": "/d/0/libQnnTFLiteDelegate.so"}, delegate="/d/0/libQ.so")
    flags = _flags(known, "litert-external", libraries, external_delegate_options="backend_type:htp")
    assert flags["external_delegate_path"] == "/d/0/libQ.so"
    assert flags["external_delegate_options"] == "backend_type:htp"


@pytest.mark.parametrize(("known", "runtime"), [(CLASSIC, "litert-npu"), (COMPILED, "litert-nnapi")])
def test_each_tool_says_what_only_the_other_has(known, runtime):
    with pytest.raises(DeviceError, match=r"cannot use an NPU|does not offer litert-nnapi"):
        _flags(known, runtime)


@pytest.mark.parametrize(("sdk", "refused"), [("34", False), ("35", True), ("", False)])
def test_nnapi_is_for_old_androids(tmp_path, monkeypatch, sdk, refused):
    getprop = tmp_path / "getprop"
    getprop.write_text(f"#!/bin/sh\necho '{sdk}'\n")
    getprop.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    transport = LocalTransport()
    try:
        check_android(transport, BenchmarkModelRunner.runtime("litert-gpu"))
        if not refused:
            check_android(transport, BenchmarkModelRunner.runtime("litert-nnapi"))
            return
        with pytest.raises(DeviceError, match=r"deprecated here \(API 35\)"):
            check_android(transport, BenchmarkModelRunner.runtime("litert-nnapi"))
    finally:
        transport.close()


def test_libraries_are_brought_by_their_content(tmp_path):
    names = ("libLiteRtDispatch_MediaTek.so", "libneuron.so")
    for name in names:
        (tmp_path / name).write_text(name)
    transport = LocalTransport()
    try:
        files = tuple(tmp_path / name for name in names)
        libraries = push_libraries(transport, "benchmark_model", files)
        assert list(libraries.paths) == list(names) == list(libraries.sha256)
        assert libraries.folder_with(DISPATCH) == libraries.paths[names[0]].rpartition("/")[0]
        with pytest.raises(InventoryError, match="is not there"):
            push_libraries(transport, "benchmark_model", [tmp_path / "none.so"])
        with pytest.raises(InventoryError, match="two libraries are called"):
            push_libraries(transport, "benchmark_model", [files[0], files[0]])
    finally:
        transport.close()


@pytest.mark.parametrize("options", [{"spin": True}, {"threads": "4"}, {"threads": True}, {"xnnpack": 1}])
def test_a_wrong_option_is_a_wrong_request(options):
    with pytest.raises(InventoryError):
        BenchmarkModelRunner.options("litert", options)
