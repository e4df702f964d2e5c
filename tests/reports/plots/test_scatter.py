"""Any number against any other: which runs are points, in which units, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer

from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.errors import ColumnError
from latency_bench.harness.store.listing import load_runs
from latency_bench.reports.plots.column_axis import axis_of
from latency_bench.reports.plots.kinds import KINDS, Options, draw
from latency_bench.reports.plots.style import FigureError


def test_the_latest_run_of_each_case_is_a_point_with_its_interval(add_run, store: Path) -> None:
    add_run("b1-seg", 250.0)
    latest = add_run("b1-seg", 240.0)
    add_run("b2-seg", 500.0)
    add_run("b3-seg", status="failed")
    drawn = draw("scatter", load_runs(store), store, Options(x="file_size", y="latency"))
    assert list(drawn.data["case"]) == ["b1-seg", "b2-seg"]
    assert drawn.data["run_id"].iloc[0] == latest
    run = load_runs(store).set_index("run_id").loc[latest]
    point = drawn.data.iloc[0]
    assert tuple(point[["artifact_bytes", "median_ms", "low_ms", "high_ms"]]) == tuple(
        run[["artifact_bytes", "median_ms", "low_ms", "high_ms"]]
    )
    (axes,) = drawn.figure.axes
    assert len([one for one in axes.containers if isinstance(one, ErrorbarContainer)]) == 2
    assert axes.get_xlabel().startswith("file size, MiB")
    assert axes.get_ylabel() == "latency, ms\n(lower is better)"


def test_a_panel_a_way_of_measuring_on_the_same_axes(add_run, store: Path) -> None:
    add_run("b1-seg", 250.0)
    add_run("b1-seg", 2.0, device="orin", runtime="tensorrt", precision="fp16", threads=None)
    first, second = draw("scatter", load_runs(store), store, Options(x="batch", y="latency")).figure.axes
    assert first.get_ylim() == second.get_ylim()
    assert first.get_yscale() == "log"
    assert first.get_xscale() == "linear"


@pytest.mark.parametrize(
    ("name", "values", "unit", "scale", "logarithmic"),
    [
        ("peak_rss_bytes", [3 * 2**20, 5 * 2**20], "MiB", 2**20, False),
        ("peak_rss_bytes", [2**20, 2**30], "MiB", 2**20, True),
        ("macs", [5e9, 6e9], "billions", 1e9, False),
        ("params", [5, 6], "", 1, False),
        ("median_ms", [0.0, 60.0], "ms", 1, False),
        ("joules_per_image", [0.1, 60.0], "J", 1, True),
    ],
)
def test_the_unit_and_the_scale_of_an_axis_are_those_of_its_values(
    name: str, values: list[float], unit: str, scale: float, logarithmic: bool
) -> None:
    axis = axis_of(columns()[name], values)
    assert (axis.unit, axis.scale, axis.logarithmic) == (unit, scale, logarithmic)


def test_the_frontier_of_any_column_goes_the_way_in_which_it_is_better(add_run, store: Path) -> None:
    add_run("b1-seg", 250.0)
    add_run("b2-seg", 500.0)
    by_latency = draw("latency", load_runs(store), store, Options(x="latency")).data
    usual = draw("latency", load_runs(store), store).data
    same = ["model", "speed", "low", "high", "accuracy", "frontier"]
    pd.testing.assert_frame_equal(by_latency[same], usual[same])
    by_rate = draw("latency", load_runs(store), store, Options(x="img_s")).data
    assert list(by_rate["frontier"]) == list(usual["frontier"])
    assert set(by_rate["unit"]) == {"images/s"}


@pytest.mark.parametrize(
    ("kind", "options", "problem"),
    [
        ("scatter", Options(x="model"), "'model' is not a number"),
        ("scatter", Options(x="macs,params"), "is not a number"),
        ("scatter", Options(x="energy"), "no run has both joules_per_image and median_ms"),
        ("latency", Options(x="threads"), "neither a lower nor a higher threads is better"),
        ("latency", Options(x="peak_rss", published=True), "the paper prints speeds and no peak_rss_bytes"),
        ("latency", Options(y="peak_rss"), "the figure latency does not take --y"),
    ],
)
def test_what_no_axis_can_show_is_refused(add_run, store: Path, kind: str, options: Options, problem: str) -> None:
    add_run("b1-seg", 250.0)
    with pytest.raises(FigureError, match=problem):
        draw(kind, load_runs(store), store, options)


def test_an_unknown_column_names_the_nearest(add_run, store: Path) -> None:
    add_run("b1-seg", 250.0)
    with pytest.raises(ColumnError, match="nearest: latency"):
        draw("scatter", load_runs(store), store, Options(x="latecy"))


def test_a_kind_takes_only_the_axes_that_it_says(store: Path) -> None:
    assert {kind for kind, entry in KINDS.items() if entry.axes} == {"latency", "throughput", "scatter"}
