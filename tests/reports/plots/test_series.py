"""Lines over a swept quantity: throughput against batch, latency against resolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from latency_bench.harness.store.listing import load_runs
from latency_bench.reports.plots.kinds import draw
from latency_bench.reports.plots.style import Drawn, FigureError


def drawn(kind: str, store: Path) -> Drawn:
    return draw(kind, load_runs(store), store)


def lines(figure: Drawn) -> dict[str, np.ndarray]:
    """Drawn points of every line with error bars by its name, shape [n, 2]."""
    found = {}
    for one in figure.figure.axes[0].containers:
        assert isinstance(one, ErrorbarContainer)
        found[one.get_label()] = np.column_stack(one.lines[0].get_data()).astype(float)
    return found


def test_throughput_against_batch_is_one_line_a_model_and_setting(add_run, store) -> None:
    for batch, median_ms in ((4, 30.0), (1, 10.0), (16, 100.0)):
        add_run("b1-cls-r224", median_ms, batch=batch, streamed=200.0 if batch == 4 else None)
        add_run("b1-cls-r224", median_ms / 2, batch=batch, runtime="onnxruntime")
    add_run("b2-cls-r256", 20.0)  # one batch alone is no line
    figure = drawn("batch", store)
    found = lines(figure)
    assert list(found) == [
        "b1-cls-r224 224x224, desk: litert fp32, 2 threads",
        "b1-cls-r224 224x224, desk: onnxruntime fp32, 2 threads",
    ]
    for name, points in found.items():
        rows = figure.data[figure.data["series"] == name]
        np.testing.assert_allclose(points, rows[["batch", "img_s"]])
        assert (rows["low"] < rows["img_s"]).all()
        assert (rows["img_s"] < rows["high"]).all()
    (streamed,) = (
        line for line in figure.figure.axes[0].lines if line.get_linestyle() == ":" and line.get_xdata().size
    )
    assert (streamed.get_xdata().tolist(), streamed.get_ydata().tolist()) == ([4], [200.0])


def test_a_size_that_failed_is_a_cross_in_the_line_that_it_belongs_to(add_run, store) -> None:
    add_run("b1-seg", 250.0)
    add_run("b1-seg", 60.0, resolution=(512, 1024))
    add_run("b1-seg", status="failed", resolution=(2048, 4096), failure="too-large")
    add_run("b1-seg", status="failed", resolution=(512, 1024), failure="out-of-memory")
    figure = drawn("resolution", store)
    (name,) = lines(figure)
    assert set(figure.data["series"]) == {name}
    assert figure.data["size"].tolist() == ["512x1024", "1024x2048", "2048x4096"]
    assert figure.data["status"].tolist() == ["done", "done", "failed"]
    np.testing.assert_allclose(lines(figure)[name], figure.data[["pixels", "latency_ms"]].iloc[:2])
    axes = figure.figure.axes[0]
    assert [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "x"] == [[2048 * 4096]]
    assert "too-large" in [text.get_text() for text in axes.texts]


def test_runs_without_an_interval_have_no_error_bar(add_run, store) -> None:
    for batch in (1, 2):
        add_run("b1-seg", 10.0 * batch, batch=batch, interval=False)
    figure = drawn("batch", store)
    (line,) = figure.figure.axes[0].containers
    assert figure.data[["low", "high"]].isna().all(axis=None)
    assert all(start[1] == end[1] for start, end in line.lines[2][0].get_segments())


def test_batches_are_not_mixed_in_a_line_over_resolution(add_run, store) -> None:
    for batch in (1, 4):
        for resolution in ((512, 1024), (256, 512)):
            add_run("b1-seg", 50.0 * batch, batch=batch, resolution=resolution)
    assert list(lines(drawn("resolution", store))) == [
        "b1-seg batch 4, desk: litert fp32, 2 threads",
        "b1-seg, desk: litert fp32, 2 threads",
    ]


@pytest.mark.parametrize(("kind", "words"), [("batch", "batch sizes"), ("resolution", "resolutions")])
def test_without_a_sweep_there_is_no_line(add_run, store, kind: str, words: str) -> None:
    add_run("b1-seg", 250.0)
    with pytest.raises(FigureError, match=f"several {words}"):
        drawn(kind, store)


def test_too_many_lines_are_refused(add_run, store) -> None:
    for number in range(15):
        for batch in (1, 2):
            add_run("b1-seg", 10.0 * batch, batch=batch, threads=number + 1)
    with pytest.raises(FigureError, match="15 lines are too many"):
        drawn("batch", store)


def test_lines_of_only_failed_sizes_are_drawn_without_numbers(add_run, store) -> None:
    for resolution in ((2048, 4096), (1024, 2048)):
        add_run("b1-seg", status="failed", resolution=resolution)
    figure = drawn("resolution", store)
    assert figure.data["latency_ms"].isna().all()
