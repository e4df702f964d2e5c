"""Speed against published accuracy: which runs are points, which points are the frontier, and that they are drawn."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer

from latency_bench.harness.identity.dataset_names import dataset_key
from latency_bench.harness.store.errors import UnknownRunError
from latency_bench.harness.store.listing import load_runs
from latency_bench.harness.store.row_selection import Selection
from latency_bench.model_specs.catalog import list_specs
from latency_bench.reports.accuracy_file import Accuracy
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.papers.measured_models import specs_of
from latency_bench.reports.plots.family_looks import family_name, look_of
from latency_bench.reports.plots.kinds import Options, draw
from latency_bench.reports.plots.style import FigureError
from latency_bench.reports.plots.trade_off_points import COLUMNS, _mark_frontier, trade_off_points
from latency_bench.reports.rows import rows_of

SEGMENTATION = default_paper().tables_named(("2", "3", "4"))


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


def test_every_model_of_a_table_appears_under_the_tables_data_set(make_run, table_of) -> None:
    """However it is asked for: in figures, in tables and in the filter of the page, which reads the column."""
    specs = specs_of(SEGMENTATION)
    runs = table_of(*[make_run(spec.id, [10.0, 10.1]) for spec in specs])
    shown = rows_of(trade_off_points(runs, "latency", SEGMENTATION))
    assert {point["model"] for point in shown} == {spec.id for spec in specs}
    for asked in ("ImageNet", "imagenet-1k", "ImageNet 1K", "Cityscapes", "ade20k"):
        kept = Selection(dataset=[asked]).of(runs)
        wanted = {point["model"] for point in shown if dataset_key(point["dataset"]) == dataset_key(asked)}
        assert set(kept["model"]) == wanted
        assert len(set(kept["dataset"])) == 1
    with pytest.raises(UnknownRunError, match="no run has the dataset imagenet-21k"):
        Selection(dataset=["imagenet-21k"]).of(runs)


def test_published_panels_are_those_of_the_data_sets_that_were_asked_for(add_run, store) -> None:
    add_run("b1-seg", 250.0)
    shown = points_of(store, published=True, datasets=["cityscapes"])
    assert {point["dataset"] for point in shown if point["source"] == "published"} == {"Cityscapes"}


def own(*rows: tuple[str, float]) -> list[Accuracy]:
    return [Accuracy(model, "top-1, %", value, str(value), "from mine.csv") for model, value in rows]


def test_own_accuracies_are_points_and_what_is_published_stays_away(add_run, store) -> None:
    add_run("net-s", 10.0)
    add_run("b1-seg", 250.0)
    shown = points_of(store, own=own(("net-s", 70.0), ("never-measured", 99.0)))
    assert [(point["model"], point["accuracy"], point["accuracy_from"]) for point in shown] == [
        ("net-s", 70.0, "from mine.csv")
    ]
    assert shown[0]["published_in"] is None
    with pytest.raises(FigureError, match="no selected run is of a model of the file of accuracies"):
        draw("latency", load_runs(store), store, Options(accuracies=tuple(own(("another", 1.0)))))
    with pytest.raises(FigureError, match="--accuracy is for latency, throughput"):
        draw("phases", load_runs(store), store, Options(accuracies=tuple(own(("net-s", 1.0)))))


def test_what_a_spec_states_stands_beside_what_is_published(make_run, table_of) -> None:
    mine = {**make_run("b0-seg", [5.0, 5.1], accuracy='{"mIoU, %": 77.5}'), "model": "mine"}
    shown = rows_of(trade_off_points(table_of(make_run("b1-seg", [10.0, 10.1]), mine), "latency", SEGMENTATION))
    assert [(point["model"], point["accuracy_from"], point["dataset"]) for point in shown] == [
        ("b1-seg", "published", "Cityscapes"),
        ("mine", "as its spec says", "Cityscapes"),
    ]


def test_the_front_needs_evidence(make_run, table_of, tmp_path) -> None:
    def run(name: str, level: float) -> dict[str, Any]:
        return {**make_run("b0-seg", [level + 0.1 * step for step in range(5)]), "model": name}

    runs = table_of(run("small", 10.0), run("twin", 10.2), run("large", 30.0), run("worse", 31.0))
    accuracies = own(("small", 70.0), ("twin", 71.0), ("large", 80.0), ("worse", 60.0))
    shown = {point["model"]: point["on_front"] for point in rows_of(
        trade_off_points(runs, "latency", SEGMENTATION, own=accuracies))}  # fmt: skip
    assert shown == {"small": "open", "twin": "on", "large": "on", "worse": "off"}
    figure = draw("latency", runs, tmp_path, Options(accuracies=tuple(accuracies))).figure
    assert "ringed: on the frontier or not, was not shown" in [text.get_text() for text in figure.legends[0].texts]


def test_a_family_looks_the_same_whatever_is_selected(add_run, store) -> None:
    for model, median_ms in (("b1-seg", 250.0), ("segnext-t", 300.0), ("segformer-b1", 500.0)):
        add_run(model, median_ms)
    runs = load_runs(store)

    def looks(kind: str, models: list[str]) -> dict[str, tuple[Any, Any]]:
        drawn = draw(kind, runs[runs["model"].isin(models)], store, Options())
        legend = drawn.figure.legends[0]
        return {text.get_text(): (line.get_color(), line.get_marker()) for text, line in
                zip(legend.texts, legend.legend_handles, strict=True)
                if not text.get_text().startswith("ringed")}  # fmt: skip

    whole = looks("latency", ["b1-seg", "segnext-t", "segformer-b1"])
    assert len(set(whole.values())) == 3
    assert looks("latency", ["segnext-t"])["segnext"] == whole["segnext"]
    assert looks("scatter", ["segformer-b1", "b1-seg"]) == {name: whole[name] for name in ("efficientvit", "segformer")}


def test_all_families_that_ship_look_different() -> None:
    names = {family_name(spec.family) for spec in list_specs()}
    assert len({look_of(name) for name in names}) == len(names) > 10
    assert look_of("somebody-s-own") not in {look_of(name) for name in names}
    assert look_of("somebody-s-own") == look_of("somebody-s-own")


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


@pytest.mark.parametrize("width", ["single", "double"])
@pytest.mark.parametrize("dataset", ["Cityscapes", "ADE20K", "ImageNet"])
def test_every_point_of_the_shipped_results_is_named_and_no_name_lies_on_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: Any, dataset: str
) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    results = Path(__file__).parents[3] / "results"
    runs = Selection(device=["epyc-milan"], dataset=[dataset]).of(load_runs(results))
    drawn = draw("latency", runs, results, Options(width=width))
    FigureCanvasAgg(drawn.figure).draw()
    for axes, (_, of_panel) in zip(drawn.figure.axes, drawn.data.groupby(["panel", "dataset", "metric"], sort=False),
                                   strict=True):  # fmt: skip
        texts = [text for text in axes.texts if text.get_text()]
        said = " ".join(text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in texts)
        assert not [label for label in of_panel["label"] if label not in said], "the picture says which point is which"
        assert "more name" not in said
        boxes = [text.get_window_extent() for text in texts]
        for one, other in combinations(boxes, 2):
            assert not (one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1)
        assert all(box.x0 >= 0 and box.x1 <= drawn.figure.bbox.x1 for box in boxes)
