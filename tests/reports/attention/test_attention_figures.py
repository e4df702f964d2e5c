"""The figures of attention: what is in them, and when there is nothing to draw."""

from __future__ import annotations

import pandas as pd
import pytest
from attention_runs import table_of

from latency_bench.reports.plots.attention import (
    attention_bars,
    attention_scaling,
    draw_attention_bars,
    draw_attention_memory,
    draw_attention_scaling,
)
from latency_bench.reports.plots.attention_shares import draw_attention_shares
from latency_bench.reports.plots.style import FORMATS, FigureError


@pytest.mark.parametrize("draw", [draw_attention_bars, draw_attention_scaling, draw_attention_memory])
@pytest.mark.parametrize("ending", FORMATS)
def test_every_figure_in_every_format_with_its_rows(runs, tmp_path, draw, ending):
    picture, table = draw(runs, tmp_path / f"figure{ending}")
    assert picture.stat().st_size > 5000
    assert len(pd.read_csv(table)) >= 3


def test_bars_are_the_ratios_under_both_definitions(runs):
    drawn = attention_bars(runs)
    heights = [
        [round(float(bar.get_height()), 6) for bar in axes.containers[0]]  # type: ignore[attr-defined]
        for axes in drawn.figure.axes
    ]
    assert heights == [pytest.approx([1.5] * 3), pytest.approx([0.5, 2, 8])]
    texts = [text.get_text() for text in drawn.figure.axes[0].texts]
    assert texts == ["1.50x"] * 3


def test_curves_are_of_one_shape_and_say_what_does_not_fit(runs):
    (axes,) = attention_scaling(runs).figure.axes
    assert len(axes.lines) == 3 + 2 * 3, "three forms, each with the two caps of its error bars"
    assert "softmax: does not fit at 16,384" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("draw", [draw_attention_bars, draw_attention_scaling, draw_attention_memory])
def test_nothing_to_draw_is_said_and_nothing_written(tmp_path, draw):
    with pytest.raises(FigureError, match="bench attention"):
        draw(table_of([]), tmp_path / "figure.svg")
    assert list(tmp_path.iterdir()) == []


def test_shares_are_stacked_to_the_whole(tmp_path):
    shares = [
        ("softmax", {"matrix products": 0.6, "softmax": 0.38, "other": 0.02}),
        ("linear", {"matrix products": 1.0}),
    ]
    picture, table = draw_attention_shares(shares, tmp_path / "shares.svg")
    text = picture.read_text()
    assert "60%" in text
    assert "38%" in text
    assert ">2%<" not in text, "too narrow to write into"
    assert pd.read_csv(table).groupby("what")["share"].sum().to_list() == pytest.approx([1, 1])
    with pytest.raises(FigureError, match="--profile"):
        draw_attention_shares([], tmp_path / "none.svg")
