"""Names beside points: none over another, over a point, or out of the picture."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from latency_bench.reports.plots.geometry import Box
from latency_bench.reports.plots.labels import Label, place_labels
from latency_bench.reports.plots.style import new_figure

NAMES = ("EfficientViT-B1", "SegNeXt-L", "模型", "a", "DeepLabV3plus-Mbv2 (batch 16)")
places = st.floats(0, 1).map(lambda value: round(value, 3))
labels = st.lists(st.builds(Label, places, places, st.sampled_from(NAMES)), max_size=25)


def _is_name(text: Annotation) -> bool:
    """Or the number that stands for one."""
    return text.get_text() in NAMES or text.get_text().isdigit()


def written(points: list[Label]) -> tuple[list[Bbox], list[tuple[float, float]], Bbox, list[Label]]:
    """Boxes of the names in pixels as they are in the end, the points, the panel, and what was left out."""
    figure = new_figure(3.4, 2.6)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_xlim(-0.1, 1.1)
    axes.set_ylim(-0.1, 1.1)
    left_out = place_labels(figure, {axes: points})[axes]
    figure.canvas.draw()
    names = [text for text in axes.texts if isinstance(text, Annotation) and _is_name(text)]
    pixels = [tuple(axes.transData.transform((point.x, point.y))) for point in points]
    return [name.get_window_extent() for name in names], pixels, axes.bbox, left_out


@settings(max_examples=25, deadline=None)
@given(labels)
@example([Label(0.0, 0.0, NAMES[-1]), Label(0.5, 0.0, NAMES[0]), Label(0.5, 0.0, NAMES[0])])
def test_no_name_lies_over_another_or_over_a_point_or_outside(points: list[Label]) -> None:
    boxes, pixels, panel, left_out = written(points)
    assert len(boxes) + len(left_out) == len(points)
    for one, other in combinations(boxes, 2):
        assert not (one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1)
    for box in boxes:
        assert panel.x0 <= box.x0 <= box.x1 <= panel.x1
        assert panel.y0 <= box.y0 <= box.y1 <= panel.y1
        assert not any(box.contains(*pixel) for pixel in pixels)


def test_points_far_apart_are_all_named() -> None:
    points = [Label(x, y, "SegNeXt-L") for x in (0.1, 0.6) for y in (0.2, 0.5, 0.8)]
    boxes, _, _, left_out = written(points)
    assert len(boxes) == 6
    assert not left_out


def test_a_name_without_a_place_has_a_number_and_stands_below_the_panel() -> None:
    points = [Label(0.4 + 0.05 * (number % 5), 0.4 + 0.05 * (number // 5), f"net-{number}") for number in range(25)]
    figure = new_figure(3.4, 3.0)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("latency, ms")
    left_out = {label.text for label in place_labels(figure, {axes: points})[axes]}
    figure.canvas.draw()
    texts = [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in axes.texts]
    key = next(text for text in texts if text.startswith("1 net-"))
    entries = key.partition(f"\n{len(left_out)} more name")[0].replace("\n", " ")
    numbered = dict(reversed(entry.split(" ")) for entry in entries.split(", "))
    for point in points:
        assert point.text in texts or point.text in left_out or numbered[point.text] in texts
    assert numbered
    assert set(numbered.values()) <= set(texts), "every number of the key is at its point"
    assert not left_out & set(numbered)
    label = axes.xaxis.label.get_window_extent()
    below = next(text for text in axes.texts if "1\N{NO-BREAK SPACE}net-" in text.get_text()).get_window_extent()
    assert 0 <= below.y0 < below.y1 <= label.y0 + 1
    assert below.x0 >= 0
    assert below.x1 <= figure.bbox.x1


@pytest.mark.parametrize("across", [1, 2])
def test_a_long_key_makes_the_figure_higher_and_no_panel_lower(across: int) -> None:
    crowd = [Label(0.3 + 0.05 * (number % 8), 0.2 + 0.06 * (number // 8), f"network-{number}") for number in range(71)]
    heights = []
    for points in ([], crowd):
        figure = new_figure(3.4 * across, 2.6)
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, across, squeeze=False)[0]
        for axes in panels:
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1)
            axes.set_xlabel("latency, ms")
        place_labels(figure, dict.fromkeys(panels, points))
        figure.canvas.draw()
        heights.append([axes.bbox.height / figure.dpi for axes in panels])
        lowest = min(text.get_window_extent().y0 for axes in panels for text in axes.texts) if points else 0
        assert lowest >= 0
    for without, with_key in zip(*heights, strict=True):
        assert with_key >= 0.95 * without


def test_what_has_no_room_for_a_number_either_is_counted() -> None:
    points = [Label(0.5, 0.5, f"name {number}") for number in range(200)]
    figure = new_figure(3.4, 6)
    axes = figure.subplots()
    left_out = place_labels(figure, {axes: points})[axes]
    assert left_out
    lines = [line for text in axes.texts for line in text.get_text().splitlines()]
    assert f"{len(left_out)} more names in the data" in lines


@settings(max_examples=25, deadline=None)
@given(labels)
def test_a_name_stands_at_its_own_point(points: list[Label]) -> None:
    """Without a line the nearest point is its own; with one it keeps clear of all others."""
    figure = new_figure(3.4, 2.6)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_xlim(-0.1, 1.1)
    axes.set_ylim(-0.1, 1.1)
    unique = list({(point.x, point.y): point for point in points}.values())
    place_labels(figure, {axes: unique})
    figure.canvas.draw()
    scale = 72 / figure.dpi
    pixels = {(point.x, point.y): tuple(axes.transData.transform((point.x, point.y))) for point in unique}
    lines = {text.xy for text in axes.texts if isinstance(text, Annotation) and text.arrow_patch is not None}
    for name in axes.texts:
        if not isinstance(name, Annotation) or name.xy not in pixels or not name.get_text():
            continue
        extent = name.get_window_extent()
        box = Box(extent.x0, extent.y0, extent.x1, extent.y1)
        own = box.distance(pixels[name.xy])
        others = [box.distance(place) * scale for key, place in pixels.items() if key != name.xy]
        assert all(other > (3.0 if name.xy in lines else own * scale - 0.5) for other in others)


def test_the_same_points_give_the_same_places() -> None:
    points = [Label(0.3 + 0.01 * number, 0.5, "SegNeXt-L") for number in range(12)]
    assert [box.bounds for box in written(points)[0]] == [box.bounds for box in written(points)[0]]


coordinates = st.integers(-6, 6).map(float)


@given(coordinates, coordinates, coordinates, coordinates)
def test_a_segment_crosses_a_box_if_one_of_its_points_is_inside(x0: float, y0: float, x1: float, y1: float) -> None:
    box = Box(-2.0, -1.0, 2.0, 1.0)
    # Between whole coordinates this near each other, no crossing is narrower than a step.
    steps = [number / 997 for number in range(998)]
    points = [(x0 + (x1 - x0) * step, y0 + (y1 - y0) * step) for step in steps]
    inside = any(box.left < x < box.right and box.bottom < y < box.top for x, y in points)
    assert box.crossed_by((x0, y0), (x1, y1)) == inside
