"""Real logs of trtexec, TensorRT 8.0 to 10.13: which passed, and why the others failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.trtexec import _checked
from latency_bench.devices.runners.trtexec_flags import parse_help
from latency_bench.devices.runners.trtexec_output import parse_log, parse_times
from latency_bench.devices.transports.base import Completed

LOGS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (Path(__file__).parents[1] / "nvidia_texts/trtexec").glob("*")
}
PASSED = {
    "01-8001-nano-pass": ("NVIDIA Tegra X1", 1, 100),
    "02-100700-graph-pass": ("NVIDIA A10", 14, 101),
    "11-100300-skipped-tactic-but-passed": (None, None, None),
    "15-8403-warnings-pass": ("NVIDIA GeForce RTX 2080 Ti", 6, 126),
}
FAILED = {
    "03-100300-parse-fail": ("runtime-failed", ("/OneHot", "Invalid Node - /Tile")),
    "05-8401-parse-fail": ("runtime-failed", ("Invalid Node - Pad_13", "Reshape_3")),
    "07-8600-no-implementation": ("runtime-failed", ("Could not find any implementation",)),
    "09-100300-oom-fail": ("out-of-memory", ("ran out", "15485030400-byte")),
    "10-100300-unknown-option": ("runtime-failed", ("Unknown option: --workspace",)),
    "12-101300-oom-at-context": ("out-of-memory", ("ran out", "20132809216 bytes")),
}


def row(**changes: float) -> str:
    times = {"startEnqMs": 1.0, "endEnqMs": 1.5, "h2dMs": 0.25, "computeMs": 2.0, "d2hMs": 0.25, "latencyMs": 2.5}
    return json.dumps([{**times, **changes}])


def test_every_log_is_taken_for_what_it_is() -> None:
    assert set(LOGS) == {*PASSED, *FAILED}


@pytest.mark.parametrize("name", PASSED)
def test_a_call_that_passed_has_passed_whatever_it_complained_of(name: str) -> None:
    log = _checked(Completed(0, LOGS[name], ""), LOGS[name], "building the engine")
    assert (log.device, log.warmup_count, log.sample_count) == PASSED[name]
    assert log.failure is None


@pytest.mark.parametrize("name", FAILED)
def test_a_call_that_failed_says_why_and_has_no_times(name: str) -> None:
    kind, words = FAILED[name]
    with pytest.raises(WorkerError) as caught:
        _checked(Completed(1, LOGS[name], ""), LOGS[name], "building the engine")
    assert caught.value.kind == kind
    for part in words:
        assert part in caught.value.message
    assert "node ---" not in caught.value.message
    timed = LOGS[name] + "\n[I] Timing trace has 1 queries over 1 s\n"
    with pytest.raises(WorkerError, match="did not report that the run passed"):
        parse_times(row(), parse_log(timed))


@pytest.mark.parametrize(
    "words",
    [
        "[E] Error[1]: [allocator.cpp::allocate::57] Error Code 1: Cuda Runtime (In allocate at common/x.cpp:57)",
        "[E] Error[2]: [memory.cpp::resize::153] Error Code 2: OutOfMemory (Requested size was 21 bytes.)",
        "[E] [TRT] 2: [executionContext.cpp::ExecutionContext::470] Error Code 2: OutOfMemory (no further information)",
        "[E] Error[1]: [virtualMemoryBuffer.cpp::resizePhysical::140] Error Code 1: Cuda Driver (out of memory)",
        "[E] Exception: std::bad_alloc",
        "Cuda failure: out of memory",
    ],
)
def test_memory_runs_out_in_many_words_and_only_where_the_call_failed(words: str) -> None:
    begun = "&&&& RUNNING TensorRT.trtexec [TensorRT v101303] # trtexec\n"
    failed = parse_log(f"{begun}{words}\n&&&& FAILED TensorRT.trtexec [TensorRT v101303] # trtexec\n")
    assert failed.failure is not None
    assert failed.failure.out_of_memory
    passed = parse_log(f"{begun}{words}\n&&&& PASSED TensorRT.trtexec [TensorRT v101303] # trtexec\n")
    assert passed.passed
    assert passed.failure is None


def test_a_word_of_the_model_does_not_pass_for_the_end() -> None:
    log = parse_log("[I] model says &&&& PASSED TensorRT.trtexec\n[E] broken\n")
    assert not log.passed


def test_tensorrt_7_is_called_too_old() -> None:
    with pytest.raises(WorkerError) as caught:
        parse_help(
            "trtexec", "&&&& RUNNING TensorRT.trtexec # trtexec --help\n=== Model Options ===\n  --onnx=<file>\n"
        )
    assert caught.value.kind == "runtime-missing"
    assert "TensorRT 7 or older" in caught.value.message
    assert "8.0" in caught.value.remedy


def test_the_gpu_is_told_by_its_uuid_where_the_log_does() -> None:
    uuid = "GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f"
    log = parse_log(f"[I] Selected Device: NVIDIA A10\n[I] Selected Device ID: 1\n[I] Selected Device UUID: {uuid}\n")
    assert (log.device, log.device_uuid) == ("NVIDIA A10", uuid)


@pytest.mark.parametrize(("start_ms", "told"), [(100.0, True), (120_000.0, False), (0.0, True)])
def test_enqueue_times_are_told_where_six_digits_are_enough(start_ms: float, told: bool) -> None:
    """After 120 s trtexec prints moments to a millisecond: an enqueue of half of one would come out as 0 or 1."""
    end_ms = float(f"{start_ms + 0.5:.6g}")
    log = parse_log("[I] Timing trace has 1 queries over 1 s\n&&&& PASSED TensorRT.trtexec [TensorRT v100300] # x\n")
    _, samples = parse_times(row(startEnqMs=start_ms, endEnqMs=end_ms), log)
    assert (samples.enqueue_ns is not None) == told
    assert samples.latency_ns.tolist() == [2_500_000]
