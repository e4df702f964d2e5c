"""What a case cannot be is refused on the host before anything runs: options, precisions, and what contradicts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.harness.case_options import CaseOptions, case_of
from latency_bench.harness.errors import UsageError

TINY = ("--model", "b0-cls-r224", "--resolution", "64x64", "--protocol", "quick")


def case(runtime: str, runner: str = "worker", device_options: dict[str, Any] | None = None, **changes: Any) -> Any:
    device = Device(name="there", runner=runner, runtime=runtime, runtime_options=device_options or {})
    options = CaseOptions(model="b0-cls-r224", device="there", protocol="quick", **changes)
    return case_of(options, single=True, device=device)


@pytest.mark.parametrize("words", [("--runtime-option", "threads=2"), ()])
def test_threads_are_said_once(bench: Callable[..., Any], tmp_path: Path, words: tuple[str, ...]) -> None:
    # Without the option on the command line the device has it.
    device = {"runtime_options": {} if words else {"threads": 2}}
    (tmp_path / "devices.yaml").write_text(json.dumps({"devices": {"local": device}}))
    environment = {"BENCH_DEVICES": str(tmp_path / "devices.yaml")}
    done = bench("run", *TINY, "--threads", "1", *words, env=environment)
    assert done.returncode == 2, done.stdout
    assert "the runtime option threads=2 contradicts --threads 1" in done.stderr
    assert bench("results", "ls", "--json").json() == []


@pytest.mark.parametrize(
    ("runtime", "field", "contrary", "agreeing"),
    [
        ("litert", {"threads": 3}, {"threads": 2}, {"threads": 3}),
        ("tensorrt", {"precision": "fp16"}, {"precision": "fp32"}, {"precision": "fp16"}),
        ("tensorrt-rtx", {"precision": "fp32"}, {"precision": "fp16"}, {"precision": "fp32"}),
    ],
)
def test_no_option_contradicts_a_field_of_the_case(
    runtime: str, field: dict[str, Any], contrary: dict[str, Any], agreeing: dict[str, Any]
) -> None:
    for where in ("runtime_options", "device_options"):
        with pytest.raises(UsageError, match="contradicts --"):
            case(runtime, **field, **{where: contrary})
        assert case(runtime, **field, **{where: agreeing}).all_runtime_options().items() >= field.items()


@pytest.mark.parametrize(
    ("runner", "runtime"),
    [("worker", "torch-cuda"), ("worker", "tensorrt"), ("worker", "tensorrt-rtx"), ("trtexec", "tensorrt"),
     ("benchmark_model", "litert-gpu")],
)  # fmt: skip
def test_a_runtime_of_a_gpu_is_told_no_threads(runner: str, runtime: str) -> None:
    assert "threads" not in case(runtime, runner, threads=2).all_runtime_options()
    with pytest.raises(InventoryError, match="does not have this option"):
        case(runtime, runner, runtime_options={"threads": 2})


@pytest.mark.parametrize(
    ("runner", "runtime", "options", "said"),
    [
        ("worker", "onnxruntime", {"spinn": True}, r"onnxruntime does not have this option.*spin \(true or false"),
        ("worker", "onnxruntime", {"spin": 1}, "spin: expected true or false, got 1"),
        ("worker", "torch", {"mode": "jit"}, "mode: expected one of eager, compile, got jit"),
        ("worker", "tensorrt", {"workspace_mb": -1}, "expected a whole number of at least 0, got -1"),
        ("trtexec", "tensorrt", {"spin": True}, r"tensorrt does not have this option.*precision \(.*tf32 \("),
        ("benchmark_model", "litert", {"spin": True}, r"litert does not have this option.*xnnpack \("),
    ],
)
def test_a_wrong_option_is_refused_with_those_that_there_are(
    runner: str, runtime: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InventoryError, match=said):
        case(runtime, runner, runtime_options=options)
    with pytest.raises(InventoryError, match=said) as raised:
        case(runtime, runner, device_options=options)
    assert "runtime_options of device there in devices.yaml" in str(raised.value)


def test_what_a_runtime_does_not_take_names_those_that_do() -> None:
    with pytest.raises(UsageError, match="not bf16, which openvino, tensorrt, torch, torch-cuda take"):
        case("onnxruntime", precision="bf16")
    with pytest.raises(InventoryError, match=r"there is no precision called 'fp42'.*fp32, fp16, bf16"):
        case("litert", precision="fp42")
    with pytest.raises(UsageError, match="has one request in flight"):
        case("torch", streams=2)
    assert case("torch-cuda", streams=2).streams == 2


def test_every_command_takes_the_precisions_that_run_takes(bench: Callable[..., Any]) -> None:
    planned = bench("sweep", "--model", "b0-cls-r224", "--precision", "int8", "--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    assert len(planned.json()["cases"]) == 1
    for command in (("run",), ("sweep",), ("profile",), ("devices", "calibrate"), ("attention",), ("export",)):
        assert "int8-dynamic|int8" in "".join(bench(*command, "--help").stdout.split())
