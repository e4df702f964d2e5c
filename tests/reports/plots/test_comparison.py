"""Figures of comparisons and of layers: names of users and of runtimes are text, and the data are drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from latency_bench.harness.comparing import compare_sets
from latency_bench.harness.statistics.layer_shares import LayerShare
from latency_bench.harness.store.run_selection import select
from latency_bench.reports.plots.comparison import draw_comparison
from latency_bench.reports.plots.layers import draw_layers
from latency_bench.reports.plots.style import FigureError


def texts(path: Path) -> list[str]:
    root = ElementTree.parse(path).getroot()
    return ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_two_sets_of_runs_side_by_side(add_run, store, tmp_path) -> None:
    for run in range(2):
        add_run("b1-seg", 250.0 + run, device="desk")
        add_run("b1-seg", 200.0 + run, device="other")
    compared = compare_sets(select(store, "desk"), select(store, "other"), 0.03, ("device",))
    draw_comparison(compared, "a $x^2$ name", "x" * 80 + "/the end", tmp_path / "both.svg")
    found = texts(tmp_path / "both.svg")
    assert "a $x^2$ name" in found
    assert any(text.startswith("...") and text.endswith("/the end") for text in found)
    assert "B / A = 0.7959 [0.7868, 0.8053]" in found


def test_nothing_to_compare_is_said(add_run, store, tmp_path) -> None:
    add_run("b1-seg", status="failed", device="desk")
    add_run("b1-seg", 200.0, device="other")
    compared = compare_sets(select(store, "desk"), select(store, "other"), 0.03, ("device",))
    with pytest.raises(FigureError, match="no case was measured on both sides"):
        draw_comparison(compared, "a", "b", tmp_path / "both.svg")


def test_layers_are_bars_with_their_share(tmp_path) -> None:
    layer = LayerShare(name="conv $1$", operator="Conv", calls=1, time_ms=3.0, share=0.75)
    draw_layers([layer], "b1-seg", tmp_path / "layers.svg")
    assert {"conv $1$", "b1-seg"} <= set(texts(tmp_path / "layers.svg"))
    assert any("75.0%" in text for text in texts(tmp_path / "layers.svg"))
    with pytest.raises(FigureError, match="nothing to draw"):
        draw_layers([], "b1-seg", tmp_path / "none.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["layers.svg"]
