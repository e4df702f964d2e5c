"""Which run answers for a model in a setting."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench_worker.runtimes.litert import LiteRT
from bench_worker.runtimes.onnxruntime import OnnxRuntime
from bench_worker.runtimes.tensorrt import TensorRt
from bench_worker.runtimes.torch import TorchCpu
from bench_worker.runtimes.torch_cuda import TorchCuda
from latency_bench.harness.identity.setting import Setting
from latency_bench.reports.evidence import Evidence, settings

LOCAL = Setting("local", "worker", "litert", "fp32", 2, '{"xnnpack": true}')
Make = Callable[..., Any]


def test_settings_are_told_apart_by_everything_that_is_part_of_them(make_run: Make, table_of: Make) -> None:
    rows = [
        make_run("b1-seg", [1.0]),
        make_run("b1-seg", [1.0], threads=1),
        make_run("b1-seg", [1.0], precision="fp16"),
        make_run("b1-seg", [1.0], device="desk"),
        make_run("b1-seg", [1.0], runtime_options='{"xnnpack": false}'),
        make_run("b2-seg", [1.0], batch=4),
    ]
    found = settings(table_of(*rows))
    assert len(found) == 5
    assert found == sorted(found)


def test_threads_of_a_gpu_runtime_mean_nothing(make_run: Make) -> None:
    run = make_run("b1-seg", [1.0], runtime="tensorrt", threads=1, runtime_options='{"spin": false}')
    assert Setting.of_row(run).threads is None


@pytest.mark.parametrize(
    ("setting", "label"),
    [
        (LOCAL, "local: litert fp32, 2 threads"),
        (
            Setting("local", "worker", "litert", "fp32", 1, '{"xnnpack": false}'),
            "local: litert fp32, 1 thread, xnnpack=false",
        ),
        (
            Setting("orin", "trtexec", "tensorrt", "fp16", None, '{"precision": "fp16", "tf32": false}'),
            "orin: tensorrt fp16, trtexec",
        ),
        (
            Setting("a100", "worker", "tensorrt", "fp16", None, '{"precision": "fp16", "spin": true}'),
            "a100: tensorrt fp16, spin=true",
        ),
        (
            Setting("phone", "benchmark_model", "litert-gpu", "fp32", None, '{"xnnpack": false}'),
            "phone: litert-gpu fp32, benchmark_model",
        ),
        (Setting("x", "worker", "", "fp32", 1, "no JSON"), "x: unknown runtime fp32, 1 thread"),
    ],
)
def test_labels_leave_out_what_is_usual(setting: Setting, label: str) -> None:
    assert setting.label() == label


@pytest.mark.parametrize("runtime", [LiteRT, OnnxRuntime, TorchCpu, TorchCuda, TensorRt])
def test_the_workers_own_defaults_are_usual(runtime: Any) -> None:
    options = {name: option.default for name, option in runtime.OPTIONS.items() if name != "threads"}
    setting = Setting("d", "worker", runtime.name, "fp32", 1, json.dumps(options))
    assert setting.unusual_options() == ()


def test_the_latest_run_with_numbers_answers(make_run: Make, table_of: Make) -> None:
    old, new, failed = make_run("b1-seg", [9.0]), make_run("b1-seg", [5.0], status="unstable"), make_run("b1-seg")
    found = Evidence(table_of(old, new, failed)).find("b1-seg", LOCAL)
    assert found.run is not None
    assert (found.run["run_id"], found.run["threads"], found.failure) == (new["run_id"], 2, None)


def test_missing_cells_are_none_whatever_pandas_makes_of_them(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("b1-seg", [9.0]), make_run("b2-seg", [9.0, 9.1, 9.2]), make_run("b3-seg"))
    run = Evidence(runs).find("b1-seg", LOCAL).run
    assert run is not None
    assert (run["low_ms"], run["failure"], run["round_medians_ms"]) == (None, None, [9.0])


def test_a_failed_run_belongs_to_every_setting_that_agrees_in_what_it_knew(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("b1-seg", [1.0]), make_run("b2-seg", runtime=None, threads=None, runtime_options="{}"))
    assert settings(runs) == [LOCAL]
    failure = Evidence(runs).find("b2-seg", LOCAL).failure
    assert failure is not None
    assert failure["model"] == "b2-seg"


@pytest.mark.parametrize(
    "other", [{"threads": 1}, {"runtime": "torch"}, {"precision": "fp16"}, {"runtime_options": '{"xnnpack": false}'}]
)
def test_a_failed_run_of_another_setting_does_not_answer(make_run: Make, table_of: Make, other: dict[str, Any]) -> None:
    runs = table_of(make_run("b1-seg", [1.0]), make_run("b2-seg", **other))
    assert len(settings(runs)) == 2
    assert Evidence(runs).find("b2-seg", LOCAL).failure is None


@pytest.mark.parametrize("asked", [{"batch": 16}, {"resolution": (512, 1024)}, {"output": "argmax"}])
def test_batch_resolution_and_output_have_to_agree(make_run: Make, table_of: Make, asked: dict[str, Any]) -> None:
    stored = dict(asked)
    if "resolution" in stored:
        stored["height"], stored["width"] = stored.pop("resolution")
    evidence = Evidence(table_of(make_run("b1-seg", [7.0], **stored)))
    assert evidence.find("b1-seg", LOCAL).run is None
    assert evidence.find("b1-seg", LOCAL, **asked).run is not None


def test_a_model_that_the_catalog_lacks_has_the_resolution_of_its_latest_run(make_run: Make, table_of: Make) -> None:
    rows = [make_run("b1-seg", [1.0], model="mine", height=32), make_run("b1-seg", [2.0], model="mine", height=64)]
    run = Evidence(table_of(*rows)).find("mine", LOCAL).run
    assert run is not None
    assert run["height"] == 64


def test_batches_are_those_with_a_number(make_run: Make, table_of: Make) -> None:
    rows = [make_run("b1-seg", [1.0], batch=16), make_run("b1-seg", [1.0]), make_run("b1-seg", batch=32)]
    assert list(Evidence(table_of(*rows)).throughputs_img_s("b1-seg", LOCAL)) == [1, 16]


def test_a_table_without_runs(table_of: Make) -> None:
    assert settings(table_of()) == []
    found = Evidence(table_of()).find("b1-seg", LOCAL)
    assert (found.run, found.failure) == (None, None)


def test_tables_of_a_paper_are_of_the_usual_request(make_run, table_of) -> None:
    usual = make_run("b1-seg", [10.0, 10.1])
    pixels = make_run("b1-seg", [5.0, 5.1], inputs="uint8")
    runs = table_of(usual, pixels)
    (setting,) = settings(runs)
    found = Evidence(runs).find("b1-seg", setting).run
    assert found is not None
    assert found["run_id"] == usual["run_id"]
