"""Speed against published accuracy: which runs are points, which points are the frontier, and that they are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from latency_bench.harness.store.listing import load_runs
from latency_bench.reports.plots.kinds import Options, draw
from latency_bench.reports.plots.trade_off_points import COLUMNS, _mark_frontier, trade_off_points
from latency_bench.reports.rows import rows_of

SEGMENTATION = (2, 3, 4)


def points_of(store: Path, speed: str = "latency", **changes: Any) -> list[dict[str, Any]]:
    return rows_of(trade_off_points(load_runs(store), speed, SEGMENTATION, **changes))  # type: ignore[arg-type]


def test_a_run_becomes_a_point_with_its_interval_and_the_published_accuracy(add_run, store) -> None:
    run_id = add_run("b1-seg", 250.0, flags=("foreign-load", "spread"))
    (point,) = points_of(store)
    run = load_runs(store).iloc[0]
    assert list(point) == list(COLUMNS)
    assert (point["speed"], point["low"], point["high"]) == (run["median_ms"], run["low_ms"], run["high_ms"])
    assert (point["accuracy"], point["metric"], point["dataset"]) == (80.5, "mIoU, %", "Cityscapes")
    assert (point["label"], point["published_in"]) == ("EfficientViT-B1", "Table 3")
    assert (point["run_id"], point["source"], point["unit"]) == (run_id, "measured", "ms")
    assert point["panel"] == "desk: litert fp32, 2 threads"
    assert point["flags"] == "foreign-load spread"


def test_what_the_accuracy_is_not_of_is_no_point(add_run, store) -> None:
    add_run("b1-seg", 60.0, resolution=(512, 1024))
    add_run("b1-seg", 900.0, batch=4)
    add_run("b2-seg", status="failed")
    add_run("b1-seg-softmax", 300.0)
    add_run("somebodys-own", 1.0)
    assert points_of(store) == []


def test_the_latest_run_stands_for_a_model_and_each_setting_has_its_panel(add_run, store) -> None:
    add_run("b1-seg", 250.0)
    newer = add_run("b1-seg", 240.0)
    other = add_run("b1-seg", 20.0, device="orin", runtime="tensorrt", precision="fp16", threads=None)
    assert {(point["panel"], point["run_id"]) for point in points_of(store)} == {
        ("desk: litert fp32, 2 threads", newer),
        ("orin: tensorrt fp16", other),
    }


def test_throughput_is_at_the_papers_batch_or_the_best_that_was_measured(add_run, store) -> None:
    add_run("b1-seg", 10.0)
    add_run("b1-seg", 15.0, batch=2)  # quicker an image, but Table 3 is at batch 1
    add_run("b2-cls-r256", 10.0)
    best = add_run("b2-cls-r256", 20.0, batch=8, streamed=500.0)
    found = {point["model"]: point for point in points_of(store, "throughput")}
    assert found["b1-seg"]["batch"] == 1
    assert found["b1-seg"]["low"] < found["b1-seg"]["speed"] < found["b1-seg"]["high"]
    assert (found["b2-cls-r256"]["run_id"], found["b2-cls-r256"]["speed"]) == (best, 500.0)
    assert found["b2-cls-r256"]["low"] is None
    assert found["b2-cls-r256"]["basis"] == "images per wall second, 2 requests in flight"


def test_published_points_are_marked_and_never_mixed_with_measured_ones(add_run, store) -> None:
    add_run("b1-seg", 250.0, device="orin")
    points = points_of(store, published=True)
    published = [point for point in points if point["source"] == "published"]
    assert len(published) > 30
    assert all(point["panel"].endswith("(published)") and point["run_id"] is None for point in published)
    assert all("published" not in point["panel"] for point in points if point["source"] == "measured")
    (b1_orin,) = (p for p in published if p["model"] == "b1-seg" and "Orin" in p["panel"])
    assert (b1_orin["speed"], b1_orin["low"]) == (24.3, None)


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1), st.sampled_from(["latency", "throughput"])
)
def test_the_frontier_is_what_nothing_else_beats(pairs: list[tuple[int, int]], speed: Any) -> None:
    points: list[dict[str, Any]] = [{"speed": float(one), "accuracy": float(other)} for one, other in pairs]
    _mark_frontier(points, speed)
    sign = 1 if speed == "latency" else -1
    marked = {(point["speed"], point["accuracy"]) for point in points if point["frontier"]}
    expected = {
        pair
        for pair in pairs
        if not any(other != pair and sign * other[0] <= sign * pair[0] and other[1] >= pair[1] for other in pairs)
    }
    assert marked == expected
    assert len(marked) == sum(point["frontier"] for point in points)


def drawn_points(axes: Axes) -> list[tuple[float, float, float, float]]:
    """x, y, and the ends of the bar of everything with an error bar."""
    found = []
    for one in axes.containers:
        assert isinstance(one, ErrorbarContainer)
        ((x, y),) = np.column_stack(one.lines[0].get_data())
        (segment,) = one.lines[2][0].get_segments()
        found.append((float(x), float(y), float(segment[0][0]), float(segment[1][0])))
    return sorted(found)


@pytest.mark.usefixtures("every_case")
def test_what_is_drawn_is_what_the_rows_say(store: Path) -> None:
    drawn = draw("latency", load_runs(store), store, Options())
    panels = drawn.data.groupby(["panel", "dataset"], sort=False)
    assert len(panels) == len(drawn.figure.axes) == 3
    for axes, ((panel, dataset), of_panel) in zip(drawn.figure.axes, panels, strict=True):
        assert axes.get_title(loc="left") == f"{panel}\n{dataset}"
        assert "(published)" in axes.get_ylabel()
        low, high = of_panel["low"].fillna(of_panel["speed"]), of_panel["high"].fillna(of_panel["speed"])
        rows = sorted(zip(of_panel["speed"], of_panel["accuracy"], low, high, strict=True))
        np.testing.assert_allclose(drawn_points(axes), rows)
        names = {text.get_text() for text in axes.texts}
        assert set(of_panel["label"]) <= names


def test_a_run_that_never_settled_is_hollow(add_run, store) -> None:
    add_run("b1-seg", 250.0)
    add_run("b2-seg", 500.0, status="unstable")
    (axes,) = draw("latency", load_runs(store), store, Options()).figure.axes
    faces = {line[0].get_markerfacecolor() for line in axes.containers}
    assert "white" in faces
    assert len(faces) == 2


def test_the_table_of_points_has_its_columns_where_there_is_none(store) -> None:
    empty = trade_off_points(load_runs(store), "latency", SEGMENTATION)
    pd.testing.assert_index_equal(empty.columns, pd.Index(list(COLUMNS)))
