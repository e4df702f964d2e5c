from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from latency_bench.harness.identity.run_conditions import conditions_of, conditions_text
from latency_bench.harness.store.columns.artifact import io_bytes
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.listing import find_rows, load_runs, read_row
from latency_bench.harness.store.reader import BrokenRun
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.run_table import row_of

StoreRun = Callable[..., Path]
MakeRecord = Callable[..., RunRecord]

DONE, UNSTABLE, FAILED = "20261122T101500Z-3f9a1c", "20261122T101501Z-aaaaaa", "20261122T101502Z-bbbbbb"

EXPECTED_OF_DONE: dict[str, Any] = {
    "run_id": DONE,
    "path": f"local/b1-seg/{DONE}",
    "status": "done",
    "started_at": datetime(2026, 11, 22, 10, 15, tzinfo=timezone.utc),
    "device": "local",
    "transport": "local",
    "runner": "worker",
    "processor": "A processor",
    "model": "b1-seg",
    "title": "EfficientViT-B1, Cityscapes",
    "family": "efficientvit",
    "task": "segmentation",
    "dataset": "cityscapes",
    "height": 1024,
    "width": 2048,
    "batch": 1,
    "precision": "fp32",
    "output": "logits",
    "seeded": True,
    "accuracy": None,
    "calibration": None,
    "conversions": None,
    "integer_layers": None,
    "weighted_layers": None,
    "runtime": "litert",
    "runtime_version": "2.1.2",
    "threads": 2,
    "runtime_options": '{"xnnpack": true}',
    "protocol": "standard",
    "campaign": "nightly",
    "case": "0123456789abcdef",
    "repeats": None,
    "labels": None,
    "commit": None,
    "command": """bench run --device local --model b1-seg --note 'it'"'"'s $HOME'""",
    "latency_covers": "whole request, transfer included",
    "median_ms": 249.096794,
    "low_ms": 247.596794,
    "high_ms": 250.346794,
    "confidence": 0.95,
    "samples": 120,
    "rounds": 3,
    "round_samples": [40, 40, 40],
    "img_s": 1e3 / 249.096794,
    "throughput_img_s": 9.0,
    "streams": 2,
    "round_throughputs_img_s": [8.0, 9.0, 10.0],
    "peak_rss_bytes": 812_000_002,
    "joules_per_image": 0.5,
    "params": 4_817_235,
    "macs": 27_400_000_000,
    "artifact_format": "tflite",
    "artifact_sha256": "ab" * 32,
    "artifact_bytes": 19_300_000,
    "engine_bytes": 77_000,
    "load_ms": 21.0,
    "io_bytes": 4 * 3 * 1024 * 2048 + 19 * 128 * 256 * 2,
    "fidelity": True,
    "flags": ["foreign-load"],
    "throttled": "unknown",
    "clocks_locked": "no",
    "conclusive": None,
    "inputs": None,
    "delegate": None,
    "delegate_backend": None,
    "delegate_took_all": None,
    "graph_nodes": None,
    "delegated_nodes": None,
    "delegate_partitions": None,
    "sustained_ms": None,
    "throttled_after_s": None,
    "pipeline": None,
    "decode_ms": None,
    "preprocess_ms": None,
    "d2h_ms": None,
    "postprocess_ms": None,
    "failure_stage": None,
    "failure_kind": None,
    "failure": None,
}
"""What the example run's row says, without the columns that are compared with the record itself."""


@pytest.fixture
def full(make_record: MakeRecord) -> RunRecord:
    """A record in which everything is known that a row can show."""
    plain = make_record()
    content = plain.model_dump()
    content["model"]["spec"] |= {"family": "efficientvit", "task": "segmentation", "dataset": "cityscapes"}
    content["model"]["output"] = "logits"
    content["device"]["fingerprint"]["linux"] = {"cpu": {"model": "A processor"}}
    content["runtime"]["options"] = {"threads": 2, "build": 1, "xnnpack": True}
    content["summary"]["throughput_measured"] = {
        "img_s": 9.0,
        "streams": 2,
        "batch": 1,
        "round_img_s": (8.0, 9.0, 10.0),
        "basis": "images / wall second",
    }
    content["summary"]["energy"] = {
        "joules_per_image": 0.5,
        "images_per_joule": 2.0,
        "mean_power_w": 2.0,
        "readings": 30,
        "rails": ("VDD",),
    }
    content["artifact"]["facts"] |= {
        "inputs": [{"name": "image", "shape": [1, 3, 1024, 2048], "dtype": "float32"}],
        "outputs": [{"name": "logits", "shape": [1, 19, 128, 256], "dtype": "float16"}],
    }
    content["runtime"]["facts"]["engine"] = {"size_bytes": 77_000}
    for one, load_ns in zip(content["rounds"], (20_000_000, 23_000_000, 21_000_000), strict=True):
        one["facts"]["load_ns"] = load_ns
    content["campaign"] = {"name": "nightly", "case": "0123456789abcdef"}
    return RunRecord(**content)


def test_every_column_is_documented_and_a_row_has_exactly_the_columns(full: RunRecord) -> None:
    assert all(column.meaning.endswith(".") and name == column.name for name, column in columns().items())
    row = row_of(full)
    assert list(row) == list(columns())


def test_every_column_of_a_done_run_says_what_the_record_says(full: RunRecord) -> None:
    row = row_of(full)
    assert full.summary is not None
    phases = full.summary.phases
    from_record = {
        "h2d_ms": phases["h2d"].median_ms,
        "compute_ms": phases["compute"].median_ms,
        "round_medians_ms": list(full.summary.latency.round_medians_ms),
        "conditions": conditions_text(conditions_of(full)),
    }
    assert row == {**EXPECTED_OF_DONE, **from_record}


def test_a_failed_run_has_its_reason_and_no_numbers(make_record: MakeRecord) -> None:
    row = row_of(make_record(failed=True, runtime=None, artifact=None))
    assert (row["status"], row["failure_stage"], row["failure_kind"]) == ("failed", "measure", "worker-died")
    assert row["failure"] == "the worker was killed (signal 9)"
    numbers = [name for name in columns() if name.endswith(("_ms", "img_s")) and "round" not in name]
    assert {row[name] for name in (*numbers, "samples", "rounds", "runtime", "artifact_format", "fidelity")} == {None}
    assert (row["round_medians_ms"], row["round_throughputs_img_s"]) == ([], [])


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (None, None),
        (7, []),
        ([{"shape": [-1], "dtype": "float32"}], [{"shape": [1]}]),
        (["x"], ["y"]),
    ],
)
def test_tensors_that_a_record_does_not_tell_have_no_bytes(inputs: Any, outputs: Any) -> None:
    assert io_bytes(inputs, outputs) is None


def test_more_bytes_than_a_file_has_room_for_are_no_number(full: RunRecord) -> None:
    content = full.model_dump()
    content["artifact"]["facts"]["inputs"] = [{"shape": [2**40, 2**40], "dtype": "float32"}]
    assert row_of(RunRecord(**content))["io_bytes"] is None


def test_one_round_is_its_own_median(make_record: MakeRecord) -> None:
    content = make_record().model_dump()
    content["summary"]["latency"]["round_medians_ms"] = ()
    row = row_of(RunRecord(**content))
    assert row["round_medians_ms"] == [249.096794]


def test_the_processor_is_the_gpu_where_the_runtime_used_one(full: RunRecord) -> None:
    content = full.model_dump()
    content["runtime"]["facts"]["gpu"] = {"name": "A GPU"}
    assert row_of(RunRecord(**content))["processor"] == "A GPU"


def test_the_table_has_all_runs_latest_first(tmp_path: Path, store_run: StoreRun) -> None:
    store_run(run_id=DONE)
    store_run(run_id=UNSTABLE, status="unstable")
    store_run(run_id=FAILED, device="orin", failed=True)
    table = load_runs(tmp_path / "store")
    assert list(table.columns) == list(columns())
    assert table["run_id"].tolist() == [FAILED, UNSTABLE, DONE]
    assert table["status"].tolist() == ["failed", "unstable", "done"]
    assert table["median_ms"].isna().tolist() == [True, False, False]
    assert str(table["started_at"].dtype).startswith("datetime64")
    assert pd.api.types.is_float_dtype(table["median_ms"])
    # The second time from the index: the same table.
    pd.testing.assert_frame_equal(load_runs(tmp_path / "store"), table)


def test_no_store_is_an_empty_table_with_the_columns(tmp_path: Path) -> None:
    table = load_runs(tmp_path / "nowhere")
    assert (len(table), list(table.columns)) == (0, list(columns()))


def test_broken_and_misplaced_runs_are_handed_over(tmp_path: Path, store_run: StoreRun) -> None:
    store_run(run_id=DONE)
    broken_run = store_run(run_id=UNSTABLE)
    (broken_run / "record.json").unlink()
    misplaced = store_run(run_id=FAILED)
    misplaced.rename(misplaced.with_name("20261122T101509Z-cccccc"))
    broken: list[BrokenRun] = []
    assert load_runs(tmp_path / "store", broken.append)["run_id"].tolist() == [DONE]
    assert [(one.path.name, "not where it lies" in one.problem) for one in broken] == [
        ("20261122T101509Z-cccccc", True),
        (UNSTABLE, False),
    ]


def test_a_record_that_leaves_defaults_out_still_makes_a_row(tmp_path: Path, store_run: StoreRun) -> None:
    run = store_run()
    example = (Path(__file__).parent / "examples" / "schema_1.json").read_bytes()
    assert b"latency_covers" not in example
    (run / "record.json").unlink()
    (run / "record.json").write_bytes(example)
    assert read_row(tmp_path / "store", f"local/b1-seg/{DONE}")["latency_covers"] == "whole request, transfer included"


def test_what_the_quick_reading_refuses_is_explained_by_the_whole_one(tmp_path: Path, store_run: StoreRun) -> None:
    run = store_run()
    content = (run / "record.json").read_text().replace('"batch": 1', '"batch": "one"')
    (run / "record.json").unlink()
    (run / "record.json").write_text(content)
    broken: list[BrokenRun] = []
    assert list(find_rows(tmp_path / "store", on_broken=broken.append)) == []
    assert "model.batch: Input should be a valid integer" in broken[0].problem
