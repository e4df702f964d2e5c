"""What builds of benchmark_model from TensorFlow 1.14 to LiteRT 2.1 printed on real phones, read as it is meant."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.benchmark_model_delegates import check_delegation, of_family
from latency_bench.devices.runners.benchmark_model_failures import cause_of, failure_of, start_error
from latency_bench.devices.runners.benchmark_model_output import parse_output, parse_statistics
from latency_bench.devices.runners.benchmark_model_profile import parse_profile
from latency_bench.devices.transports.base import Completed

TEXTS = Path(__file__).parents[1] / "android_texts"


def text(number: int) -> str:
    (path,) = TEXTS.glob(f"{number:02d}-*.txt")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("number", "typical_us", "statistic", "count", "init_us"),
    [
        (1, 576856, "median", 50, 102320),
        (3, 6479.5, "mean", 2, None),
        (4, 2.95034e6, "mean", 50, None),
        (7, 133690, "mean", 10, 12516),
        (9, 33071.8, "mean", 50, None),
        (11, 462, "median", 2112, 4478),
    ],
)
def test_numbers(number: int, typical_us: float, statistic: str, count: int, init_us: float | None) -> None:
    output = parse_output(text(number))
    assert (output.typical_us, output.statistic, output.inference.count) == (typical_us, statistic, count)
    if init_us is not None:
        assert output.init_us == init_us


def test_memory_and_the_delegate_of_each_tool() -> None:
    assert parse_output(text(1)).memory_delta_mb == pytest.approx(99.2, abs=0.05)
    compiled = parse_output(text(11))
    assert (compiled.memory_delta_mb, compiled.generation) == (11.51, "compiled-model")
    (delegation,) = compiled.delegations
    assert (delegation.family, delegation.nodes, delegation.of_nodes, delegation.kernels) == ("XNNPACK", 1, 1, 1)


@pytest.mark.parametrize("number", [6, 14])
def test_a_run_that_lacks_its_result_or_has_several_is_refused(number: int) -> None:
    with pytest.raises(WorkerError):
        parse_output(text(number))


def test_a_profiler_behind_the_result_changes_no_number() -> None:
    assert parse_output(text(12)).typical_us == 462


def test_single_lines() -> None:
    lines = [parse_statistics(line) for line in text(16).splitlines() if "count=" in line]
    assert (lines[0].count, lines[0].mean_us) == (50, 249684)
    assert [(line.count, line.median_us) for line in lines][-2:] == [(25, 141253), (10, 245871)]


def test_a_profile_with_a_column_of_starts() -> None:
    operators = parse_profile(text(29))
    assert len(operators) == 6
    assert (operators[0].type, operators[0].mean_ms) == ("CONV_2D", 0.0930388)
    assert operators[0].share == pytest.approx(0.448994)


@pytest.mark.parametrize(
    ("number", "code", "kind", "words"),
    [
        (17, 1, "runtime-failed", "ANEURALNETWORKS_OP_FAILED"),
        (19, 1, "runtime-failed", r"Failed to apply XNNPACK delegate\."),
        (21, 1, "runtime-failed", r"Build program failure.*cl_khr_3d_image_writes"),
        (22, 1, "runtime-failed", r"expand_dims\.cc:40 axis <= input_dims\.size was not true"),
        (24, -11, "runtime-failed", r"signal 11 \(SIGSEGV\); it printed no reason"),
        (87, 1, "out-of-memory", "Out of host memory"),
        (89, 134, "out-of-memory", "std::bad_alloc"),
    ],
)
def test_the_cause_and_not_its_consequences_is_named(number: int, code: int, kind: str, words: str) -> None:
    for completed in (Completed(code, "", text(number)), Completed(code, text(number), "")):
        error = failure_of(completed)
        assert error is not None
        assert error.kind == kind
        with pytest.raises(WorkerError, match=words):
            raise error
        assert ("close apps" in error.remedy) == (kind == "out-of-memory")


@pytest.mark.parametrize("stage", ["Init", "Prepare", "Invoke"])
def test_a_gpu_without_memory_at_any_stage(stage: str) -> None:
    said = f"ERROR: TfLiteGpuDelegate {stage}: Failed to clEnqueueNDRangeKernel: Out of host memory"
    error = failure_of(Completed(1, "", f"{said}\nERROR: Benchmarking failed."))
    assert error is not None
    assert error.kind == "out-of-memory"


@pytest.mark.parametrize(
    ("number", "words"),
    [(25, "32-bit system: use the tool's android_arm build"), (27, "push the library beside the tool")],
)
def test_a_tool_that_does_not_start_says_what_would(number: int, words: str) -> None:
    error = start_error("/data/local/tmp/benchmark_model", 126, text(number))
    assert error is not None
    assert words in error.remedy


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("/system/bin/sh: ./benchmark_model: can't execute: Permission denied", "chmod 755"),
        ("sh: ./benchmark_model: Permission denied", "chmod 755"),
        ("/system/bin/sh: /data/local/tmp/benchmark_model: inaccessible or not found", "remote_binary"),
        ("/system/bin/sh: x: not executable: 32-bit ELF file", "android_aarch64"),
        ("/system/bin/sh: ./benchmark_model: not executable: magic 7F45", "for its architecture"),
        ("error: only position independent executables (PIE) are supported.", "use a newer one"),
        (
            'error: "/data/local/tmp/b": executable\'s TLS segment is underaligned: alignment is 8',
            "use a newer one",
        ),
    ],
)
def test_what_a_shell_says_of_a_file(said: str, remedy: str) -> None:
    error = start_error("/data/local/tmp/benchmark_model", 126, said)
    assert error is not None
    assert remedy in error.remedy


def test_a_gpu_that_took_nothing_is_refused_whatever_is_allowed() -> None:
    delegations = parse_output(text(86)).delegations
    for allow_partial in (False, True):
        with pytest.raises(WorkerError, match="took no part of the model"):
            check_delegation(delegations, "GPU", allow_partial=allow_partial, must_be_told=True)


@pytest.mark.parametrize(
    ("line", "allowed", "nodes"),
    [
        (
            "INFO: Replacing 366 out of 366 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 1 partitions",
            0,
            366,
        ),
        ("VERBOSE: Replacing 12 out of 366 node(s) with delegate (LITERT_CL) node, yielding 2 partitions.", 1, 12),
        ("Replacing 0 out of 366 node(s) with delegate (LITERT_CL) node, yielding 0 partitions for subgraph 0.", 2, 0),
    ],
)
def test_all_a_part_or_nothing_in_the_compiled_model_tool(line: str, allowed: int, nodes: int) -> None:
    """`allowed`: 0 always, 1 with allow_partial, 2 never."""
    result = "INFO: Inference (avg):      0.46 ms (2112 runs)\nINFO: Initialized OpenCL-based API."
    (delegation,) = parse_output(f"{line}\n{result}").delegations
    assert (delegation.nodes, delegation.of_nodes, delegation.backend) == (nodes, 366, "OpenCL")
    for needed, allow_partial in ((0, False), (1, True)):
        if allowed <= needed:
            check_delegation((delegation,), "GPU", allow_partial=allow_partial, must_be_told=True)
        else:
            with pytest.raises(WorkerError, match=r"no part|only a part"):
                check_delegation((delegation,), "GPU", allow_partial=allow_partial, must_be_told=True)


def test_what_xnnpack_took_of_the_rest_is_not_the_gpus() -> None:
    """The GPU left a part, and the processor's kernels took that: whichever of the two is told first."""
    lines = [
        "INFO: Replacing 40 out of 366 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 3 partitions.",
        "INFO: Replacing 326 out of 366 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 2 partitions.",
    ]
    result = "INFO: Inference (avg):      0.46 ms (2112 runs)"
    for order in (lines, lines[::-1]):
        delegations = parse_output("\n".join([*order, result])).delegations
        taken = of_family(delegations, "GPU")
        assert taken is not None
        assert (taken.nodes, taken.kernels) == (326, 2)


RESULT = "INFO: Inference (avg):      0.46 ms (2112 runs)"
DISPATCHED = "INFO: Replacing 1 out of 1 node(s) with delegate (DispatchDelegate) node, yielding 1 partitions"


def test_an_npu_is_known_by_its_dispatch_delegate() -> None:
    taken = of_family(parse_output(f"{DISPATCHED} for subgraph 0.\n{RESULT}").delegations, "NPU")
    assert taken is not None
    assert (taken.full, taken.nodes, taken.kernels) == (True, 1, 1)


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: [dispatch_delegate.cc:122] Failed to create a dispatch delegate kernel: No usable Dispatch runtime",
        "ERROR: Restored original execution plan after delegate application failure.",
    ],
)
def test_what_was_announced_and_then_failed_is_a_number_of_the_cpu(line: str) -> None:
    xnnpack = "INFO: Replacing 470 out of 476 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 3 partitions"
    delegations = parse_output(f"{DISPATCHED}\n{line}\n{xnnpack}\n{RESULT}").delegations
    for allow_partial in (False, True):
        with pytest.raises(WorkerError, match="the NPU delegate took no part of the model"):
            check_delegation(delegations, "NPU", allow_partial=allow_partial, must_be_told=False)


def test_an_npu_that_silently_left_all_to_the_cpu_is_not_believed() -> None:
    lines = "INFO: NPU accelerator registered.\n" + text(11)
    with pytest.raises(WorkerError, match="did not say that it applied the NPU delegate"):
        check_delegation(parse_output(lines).delegations, "NPU", allow_partial=True, must_be_told=True)


def test_partitions_of_a_gpu_of_old_tools() -> None:
    """TensorFlow 1.15 to 2.8 count kernels, and say no nodes."""
    words = "Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate."
    lines = f"INFO: Initialized OpenCL-based API.\nINFO: Created 1 GPU delegate kernels.\n{words}\n{RESULT}"
    (taken,) = parse_output(lines).delegations
    assert (taken.family, taken.full, taken.kernels, taken.backend) == ("GPU", True, 1, "OpenCL")


@pytest.mark.parametrize(
    ("said", "family", "cause", "remedy"),
    [
        (
            "ERROR: [litert_dispatch.cc:107] No dispatch library found in /data/local/tmp",
            "NPU",
            "No dispatch library found in /data/local/tmp",
            "libLiteRtDispatch_Qualcomm.so, _MediaTek.so or _GoogleTensor.so",
        ),
        (
            "WARNING: [npu_registry.cc:34] NPU accelerator could not be loaded and registered: "
            "kLiteRtStatusErrorInvalidArgument.\nERROR: ERROR: [litert/tools/benchmark_litert_model.cc:330] "
            "Failed to compile model.\n└ ERROR: [./litert/cc/internal/litert_compiled_model_next.h:69]",
            "NPU",
            "NPU accelerator could not be loaded and registered: kLiteRtStatusErrorInvalidArgument.",
            "benchmark_model: {libraries: [...]}",
        ),
        (
            "WARNING: [npu_registry.cc:34] NPU accelerator could not be loaded and registered: x.\n"
            "ERROR: [dispatch_delegate.cc:107] Failed to initialize Dispatch API: ERROR: [dispatch_delegate.cc:168]",
            "NPU",
            "Failed to initialize Dispatch API",
            "those of this chip and of the tool's release",
        ),
        (
            "WARNING: [gpu_registry.cc:131] GPU accelerator could not be loaded and registered.\nERROR: no subgraph 3",
            "NPU",
            "no subgraph 3",
            "evidence",
        ),
        ("ERROR: NNAPI acceleration is unsupported on this platform.", "NNAPI", "unsupported", "litert-gpu"),
    ],
)
def test_refusals_of_vendors_delegates(said: str, family: str, cause: str, remedy: str) -> None:
    error = failure_of(Completed(1, "INFO: STARTING!", f"{said}\nERROR: Benchmarking failed."), family)
    assert error is not None
    assert cause in error.message
    assert remedy in error.remedy


def test_the_reason_of_the_recorded_gpu_failure_is_its_accelerator() -> None:
    recorded = (Path(__file__).parent / "data" / "litert220_cm_gpu.stderr").read_text(encoding="utf-8")
    error = failure_of(Completed(1, "", recorded), "GPU")
    assert error is not None
    assert "GPU accelerator could not be loaded" in error.message


def test_a_tool_that_says_nothing_of_the_gpu_is_not_believed() -> None:
    with pytest.raises(WorkerError, match="did not say that it applied the GPU delegate"):
        check_delegation(parse_output(text(11)).delegations, "GPU", allow_partial=True, must_be_told=True)


def test_an_unknown_text_is_passed_on_without_a_guess() -> None:
    """Words that mean something elsewhere, in lines that nobody knows: a folder's name, a model's, a flag's."""
    for said in (
        "ERROR: could not open /data/out of memory/model.tflite for reading",
        "ERROR: the model std::bad_alloc_test has no subgraph 3",
        "ERROR: Failed to allocate the operator FOO: version 7 is unknown",
        "ERROR: closed",
    ):
        error = failure_of(Completed(1, "INFO: STARTING!", said))
        assert error is not None
        assert error.kind == "runtime-failed"
        assert said.removeprefix("ERROR: ") in error.message
        assert "close apps" not in error.remedy


def test_mutated_texts_never_raise_and_never_lose_the_last_words() -> None:
    draw = random.Random(0)
    for number in (17, 19, 21, 22, 24, 25, 27, 87, 89):
        original = text(number)
        for _ in range(60):
            changed = list(original)
            for _ in range(draw.randrange(1, 8)):
                changed[draw.randrange(len(changed))] = draw.choice(string.printable)
            said = "".join(changed)
            error = failure_of(Completed(1, "", said))
            assert error is not None
            cause = cause_of(said.splitlines())
            assert cause is None or " ".join(cause.split())[-20:] in error.message


def test_what_a_tool_prints_without_end_is_read_in_bounded_time() -> None:
    endless = "Failed to " + "a: " * 500_000
    error = failure_of(Completed(1, "", "\n".join([endless] * 5)))
    assert error is not None
    assert len(error.message) < 1000
