"""Figures of single runs and of many: phases, distribution, course over time. What is drawn is what was stored."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from latency_bench.harness.store.listing import load_runs
from latency_bench.harness.store.reader import StoredRun, read_record
from latency_bench.harness.store.row_selection import Selection
from latency_bench.reports.plots.distribution import MOST_STEPS
from latency_bench.reports.plots.kinds import Options, draw
from latency_bench.reports.plots.style import Drawn, FigureError
from latency_bench.reports.plots.timeline import MOST_POINTS


def drawn(kind: str, store: Path, **selected: list[str]) -> Drawn:
    return draw(kind, Selection(**selected).of(load_runs(store)), store, Options())  # type: ignore[arg-type]


def stored(store: Path, run_id: str) -> StoredRun:
    (path,) = store.glob(f"*/*/{run_id}")
    return StoredRun(path, read_record(path))


def test_phases_are_stacked_in_the_order_of_a_request(add_run, store) -> None:
    add_run("b0-seg", 90.0)
    add_run("b1-seg", 250.0, interval=False)
    add_run("b2-seg", 500.0, phases=False)
    figure = drawn("phases", store)
    (axes,) = figure.figure.axes
    # A run without phases has no bar: nobody knows how it would be split.
    assert list(figure.data["case"]) == ["b1-seg", "b0-seg"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b1-seg", "b0-seg"]
    bars = np.array([(bar.get_x(), bar.get_width()) for bar in axes.patches]).reshape(3, 2, 2)
    widths = figure.data[["h2d_ms", "compute_ms", "d2h_ms"]].to_numpy().T
    np.testing.assert_allclose(bars[:, :, 1], widths)
    np.testing.assert_allclose(bars[1:, :, 0], np.cumsum(widths, axis=0)[:-1])
    assert figure.data["low_ms"].isna().tolist() == [True, False]


def test_a_phase_that_was_not_measured_is_left_out_and_no_phases_at_all_are_an_error(add_run, store) -> None:
    add_run("b2-seg", 500.0, phases=False)
    with pytest.raises(FigureError, match="only whole requests were timed"):
        drawn("phases", store)


def test_the_distribution_is_that_of_the_samples_without_warm_up(add_run, store) -> None:
    run_id = add_run("b1-seg", 250.0, rounds=3, count=40)
    figure = drawn("distribution", store)
    blocks = stored(store, run_id).samples()
    latencies = np.sort(np.concatenate([block.latency_ns for block in blocks if not block.warmup])) / 1e6
    np.testing.assert_allclose(figure.data["latency_ms"], latencies)
    np.testing.assert_allclose(figure.data["share"], np.arange(1, 121) / 120)
    (line,) = figure.figure.axes[0].lines
    np.testing.assert_allclose(line.get_xdata(), latencies)


def test_of_many_samples_only_true_ones_are_drawn_at_their_true_share(add_run, store) -> None:
    run_id = add_run("b1-seg", 2.0, rounds=2, count=4000)
    data = drawn("distribution", store).data
    assert len(data) == MOST_STEPS
    latencies = np.sort(
        np.concatenate([block.latency_ns for block in stored(store, run_id).samples() if not block.warmup])
    )
    ranks = (data["share"] * latencies.size).round().astype(int)
    np.testing.assert_allclose(data["latency_ms"], latencies[ranks - 1] / 1e6)
    assert data["latency_ms"].iloc[[0, -1]].tolist() == [latencies[0] / 1e6, latencies[-1] / 1e6]


def test_too_many_lines_are_refused_with_the_way_out(add_run, store) -> None:
    for _ in range(8):
        add_run("b1-seg", 250.0)
    with pytest.raises(FigureError, match=r"8 runs are too many lines.*--run"):
        drawn("distribution", store)


def test_the_course_of_a_run_has_every_request_and_every_sensor_that_is_drawn(add_run, store) -> None:
    run_id = add_run("b1-seg", 250.0, telemetry=True, rounds=2, count=20, warmup=4)
    figure = drawn("timeline", store)
    run = stored(store, run_id)
    sampled = figure.data[figure.data["quantity"] == "latency"]
    blocks = [block for block in run.samples() if not block.warmup]
    np.testing.assert_allclose(sampled["value"], np.concatenate([block.latency_ns for block in blocks]) / 1e6)
    starts = [5.0 + 10.0 * block.round + block.start_ns / 1e9 for block in blocks]
    np.testing.assert_allclose(sampled["time_s"], np.concatenate(starts))
    assert (figure.data["quantity"] == "warm-up").sum() == 8
    telemetry = run.telemetry()
    assert telemetry is not None
    clocks = figure.data[figure.data["quantity"] == "frequency"]
    expected = telemetry.value[np.array(telemetry.quantity) == "frequency"]
    np.testing.assert_allclose(clocks["value"], expected)
    assert [axes.get_ylabel().split("\n")[0] for axes in figure.figure.axes] == [
        "latency, ms",
        "clock",
        "temperature",
        "load",
    ]


def test_the_workers_own_clock_is_taken_where_it_is_this_machines(add_run, store) -> None:

    origin = datetime(2026, 11, 22, 10, 0, 7, 500_000, tzinfo=timezone.utc)
    add_run("b1-seg", 250.0, rounds=1, clock={"origin_unix_ns": int(origin.timestamp() * 1e9)})
    data = drawn("timeline", store).data
    assert data["time_s"].min() == pytest.approx(7.5)


@pytest.mark.parametrize("origin", ["yesterday", 1e300, None, True])
def test_a_clock_that_makes_no_sense_is_not_believed(add_run, store, origin: object) -> None:
    add_run("b1-seg", 250.0, rounds=1, clock={"origin_unix_ns": origin, "implementation": "x"})
    assert drawn("timeline", store).data["time_s"].min() == pytest.approx(5.0)


def test_of_many_requests_no_spike_is_lost(add_run, store) -> None:
    run_id = add_run("b1-seg", 1.0, rounds=1, count=20_000)
    data = drawn("timeline", store).data
    (block,) = (block for block in stored(store, run_id).samples() if not block.warmup)
    sampled = data[data["quantity"] == "latency"]
    assert len(sampled) <= MOST_POINTS
    assert sampled["value"].max() == block.latency_ns.max() / 1e6
    assert set(sampled["value"]) <= set(block.latency_ns / 1e6)


def test_the_course_is_of_one_run(add_run, store) -> None:
    add_run("b1-seg", 250.0)
    add_run("b1-seg", 250.0)
    with pytest.raises(FigureError, match=r"2 runs with samples are selected.*--run"):
        drawn("timeline", store)


def test_a_failed_run_has_no_samples_to_show(add_run, store) -> None:
    add_run("b1-seg", status="failed")
    for kind in ("distribution", "timeline"):
        with pytest.raises(FigureError):
            drawn(kind, store)
