"""The roofline by hand-made figures: peaks, limits, bounds, fractions, and what has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.identity.run_conditions import conditions_text, read_conditions
from latency_bench.harness.store.listing import load_runs
from latency_bench.reports.plots.kinds import Options, draw
from latency_bench.reports.plots.roofline import _rate
from latency_bench.reports.plots.style import FigureError
from latency_bench.reports.roofline import COLUMNS, find_peaks, roofline, work_of
from latency_bench.reports.rows import rows_of

MIB = 1 << 20


def calibrate(add_run: Any, compute_ms: float = 10.0, add_ms: float = 40.0, **setting: Any) -> list[str]:
    """Products of 10^9 MACs in `compute_ms`, sums of 384 MiB in `add_ms`; compute phases are 0.9 of them."""
    tensors = ([1, 512, 512], [1, 512, 512])
    return [
        add_run("calibration-matmul-512", compute_ms, params=1, macs=10**9, tensors=tensors, **setting),
        add_run("calibration-conv-128", 4 * compute_ms, params=1, macs=10**9, tensors=tensors, **setting),
        add_run(
            "calibration-add-32m", add_ms / 40, params=0, macs=0, tensors=([1, 64, MIB // 4], [32, MIB // 4]), **setting
        ),
        add_run(
            "calibration-add-128m", add_ms, params=0, macs=0, tensors=([1, 256, MIB // 4], [128, MIB // 4]), **setting
        ),
    ]


def rows(store: Path, model: str = "b1-seg") -> list[dict[str, Any]]:
    runs = load_runs(store)
    return rows_of(roofline(runs[runs["model"] == model], calibrations=runs))


def compute_ms_of(store: Path, run_id: str) -> float:
    runs = load_runs(store)
    return float(runs.loc[runs["run_id"] == run_id, "compute_ms"].iloc[0])


def test_a_run_is_held_against_the_larger_of_its_two_limits(add_run, store) -> None:
    matmul, _, _, add = calibrate(add_run)
    run_id = add_run("b1-seg", 500.0, batch=2, params=10**6, macs=5 * 10**9, tensors=([2, 3, 100, 100], [2, 10]))
    (row,) = rows(store)
    assert list(row) == list(COLUMNS)
    peak = 1e9 / compute_ms_of(store, matmul) * 1e3
    bandwidth = 384 * MIB / compute_ms_of(store, add) * 1e3
    measured_ms = compute_ms_of(store, run_id)
    assert row["macs"] == 10**10
    assert row["least_bytes"] == 4 * 10**6 + 4 * 60_000 + 4 * 20
    assert row["peak_macs_per_s"] == pytest.approx(peak)
    assert row["peak_bytes_per_s"] == pytest.approx(bandwidth)
    assert row["compute_limit_ms"] == pytest.approx(10**10 / peak * 1e3)
    assert row["memory_limit_ms"] == pytest.approx(row["least_bytes"] / bandwidth * 1e3)
    assert (row["bound"], row["least_ms"]) == ("compute", row["compute_limit_ms"])
    assert (row["measured_ms"], row["measured_as"]) == (measured_ms, "compute")
    assert row["fraction"] == pytest.approx(row["compute_limit_ms"] / measured_ms)
    assert (row["compute_run"], row["memory_run"]) == (matmul, add)


def test_little_arithmetic_on_many_bytes_is_bound_by_memory(add_run, store) -> None:
    calibrate(add_run)
    add_run("b1-seg", 500.0, params=10**8, macs=10**6, tensors=([1], [1]))
    (row,) = rows(store)
    assert (row["bound"], row["least_ms"]) == ("memory", row["memory_limit_ms"])


def test_a_fraction_above_one_is_shown_as_it_is(add_run, store) -> None:
    calibrate(add_run, compute_ms=1000.0)
    add_run("b1-seg", 100.0, macs=10**9)
    (row,) = rows(store)
    assert row["fraction"] > 5
    figure = draw("roofline", load_runs(store), store)
    (text,) = (text.get_text() for text in figure.figure.axes[0].texts if text.get_text().startswith("b1-seg"))
    assert text == f"b1-seg {row['fraction']:.0%}"


def test_without_phases_the_whole_latency_is_what_counts(add_run, store) -> None:
    calibrate(add_run)
    add_run("b1-seg", 250.0, phases=False)
    (row,) = rows(store)
    assert row["measured_as"] == "latency"
    assert row["measured_ms"] == load_runs(store).iloc[0]["median_ms"]


def test_weights_count_at_their_precision_and_never_more_than_the_file_has(add_run, store) -> None:
    for precision, expected in (("fp32", 4 * 10**6), ("fp16", 2 * 10**6), ("int8", 10**6)):
        add_run("b1-seg", 100.0, precision=precision, params=10**6, tensors=([1], [1]))
        latest = rows_of(load_runs(store))[0]
        work = work_of(latest)
        assert work is not None
        assert work.least_bytes == expected + 8
        small = work_of({**latest, "artifact_bytes": 10})
        assert small is not None
        assert small.least_bytes == 18


@pytest.mark.parametrize("unknown", ["macs", "params", "io_bytes", "artifact_bytes"])
def test_a_run_that_does_not_tell_what_it_did_has_no_work(add_run, store, unknown: str) -> None:
    add_run("b1-seg", 100.0)
    (row,) = rows_of(load_runs(store))
    assert work_of(row) is not None
    assert work_of({**row, unknown: None}) is None


def test_only_the_calibration_of_the_same_device_runtime_precision_and_threads_counts(add_run, store) -> None:
    setting = {"device": "desk", "runtime": "litert", "precision": "fp32", "threads": 2}
    for name, other in (("device", "orin"), ("runtime", "torch"), ("precision", "fp16"), ("threads", 1)):
        calibrate(add_run, **{**setting, name: other})
    add_run("b1-seg", 100.0, **setting)
    assert rows(store) == []
    with pytest.raises(FigureError, match="bench devices calibrate"):
        draw("roofline", load_runs(store)[lambda runs: runs["model"] == "b1-seg"], store)
    calibrate(add_run, **setting, options={"xnnpack": False})
    assert len(rows(store)) == 1


def test_a_device_without_threads_is_calibrated_too(add_run, store) -> None:
    setting = {"device": "orin", "runtime": "tensorrt", "precision": "fp16", "threads": None}
    calibrate(add_run, **setting)
    add_run("b1-seg", 100.0, **setting)
    assert len(rows(store)) == 1
    assert [platform[:4] for platform in find_peaks(load_runs(store))] == [("orin", "tensorrt", "fp16", None)]


def test_a_calibration_in_another_state_of_the_machine_is_none(add_run, store) -> None:
    calibrate(add_run)
    add_run("b1-seg", 100.0)
    runs = load_runs(store)
    before = set(roofline(runs)["run_id"])
    in_15w = conditions_text({**read_conditions(runs["conditions"][0]), "system": {"power mode": "MODE_15W"}})
    judged = runs["model"] == "b1-seg"
    after = set(roofline(runs.assign(conditions=runs["conditions"].where(~judged, in_15w)))["run_id"])
    assert before - after == set(runs[judged]["run_id"])


def test_the_latest_calibration_counts_and_half_of_one_does_not(add_run, store) -> None:
    add_run("b1-seg", 100.0)
    calibrate(add_run, compute_ms=10.0)
    newer, *_ = calibrate(add_run, compute_ms=20.0)
    add_run("calibration-conv-256", status="failed")
    (row,) = rows(store)
    assert row["compute_run"] == newer
    runs = load_runs(store)
    assert find_peaks(runs[~runs["model"].str.contains("-add-")]) == {}
    assert find_peaks(runs[runs["model"].str.contains("-add-")]) == {}


def test_calibrations_reach_their_own_roofs_exactly(add_run, store) -> None:
    calibrate(add_run)
    runs = load_runs(store)
    fractions = dict(zip(runs["model"], roofline(runs)["fraction"], strict=True))
    assert fractions["calibration-matmul-512"] == pytest.approx(1)
    assert fractions["calibration-add-128m"] == pytest.approx(1)
    assert fractions["calibration-conv-128"] < 1
    # The smaller sum fitted a cache: quicker than memory, and shown so.
    assert fractions["calibration-add-32m"] > 1


def test_the_figure_shows_the_roof_and_each_run_below_it(add_run, store) -> None:
    calibrate(add_run)
    add_run("b1-seg", 500.0)
    figure = draw("roofline", load_runs(store), store, Options(width="single"))
    (row,) = rows_of(figure.data)
    axes = figure.figure.axes[0]
    roof, point = axes.lines
    peak, bandwidth = row["peak_macs_per_s"] / 1e9, row["peak_bytes_per_s"] / 1e9
    assert roof.get_ydata()[-1] == pytest.approx(peak)
    assert roof.get_xdata()[1] == pytest.approx(peak / bandwidth)
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (row["macs_per_byte"], row["macs_per_s"] / 1e9)


def test_rates_of_gpus_are_no_powers_of_ten() -> None:
    assert [_rate(value) for value in (59.12, 0.5, 312_000.0)] == ["59.1", "0.5", "312,000"]
