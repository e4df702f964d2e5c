"""The figures of attention: what is in them, and when there is nothing to draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attention_runs import table_of
from matplotlib.container import ErrorbarContainer

from latency_bench.reports.plots.attention_factors import attention_factors
from latency_bench.reports.plots.attention_shares import draw_attention_shares
from latency_bench.reports.plots.kinds import Options, draw, write
from latency_bench.reports.plots.style import COLUMN_WIDTH_IN, FORMATS, FigureError

KINDS = ("attention", "attention-scaling", "attention-memory")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", FORMATS)
def test_every_figure_in_every_format_with_its_rows(runs, tmp_path, kind, ending):
    picture, table = write(kind, runs, tmp_path, tmp_path / f"figure{ending}")
    assert picture.stat().st_size > 5000
    assert len(pd.read_csv(table)) >= 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", COLUMN_WIDTH_IN)
def test_figures_are_as_wide_as_asked_for(runs, tmp_path, kind, width):
    assert draw(kind, runs, tmp_path, Options(width=width)).figure.get_figwidth() == COLUMN_WIDTH_IN[width]


def points_of(axes):
    """(tokens, factor) of every point with an error bar, and the colours of their faces."""
    bars = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    places = sorted(tuple(map(float, np.column_stack(bar.lines[0].get_data())[0])) for bar in bars)
    return places, [bar.lines[0].get_markerfacecolor() for bar in bars]


def test_factors_are_points_on_logarithmic_axes_under_both_definitions(runs):
    drawn = attention_factors(runs, Options())
    (axes,) = drawn.figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    places, faces = points_of(axes)
    assert [tokens for tokens, _ in places] == [256.0, 256.0, 1024.0, 1024.0, 4096.0, 4096.0]
    assert sorted(round(ratio, 6) for _, ratio in places) == pytest.approx([0.5, 1.5, 1.5, 1.5, 2, 8])
    assert "white" not in faces
    texts = {text.get_text() for text in axes.texts}
    assert {"0.50×", "1.50×", "2.00×", "8.00×"} <= texts
    assert axes.get_ylim()[0] < 0.5


def test_hollow_is_what_never_settled_and_only_that(runs):
    unsteady = runs.assign(status=runs["status"].where(runs["model"] != "attn-softmax-module-h8-d16-n1024", "unstable"))
    (axes,) = attention_factors(unsteady, Options()).figure.axes
    assert points_of(axes)[1].count("white") == 2, "under both definitions"
    for drawn in (draw("attention-scaling", one, Path(), Options()) for one in (runs, unsteady)):
        faces = points_of(drawn.figure.axes[0])[1]
        assert faces.count("white") == (drawn.data["status"] == "unstable").sum()


def test_curves_are_of_one_shape_and_say_what_does_not_fit(runs):
    (axes,) = draw("attention-scaling", runs, Path(), Options()).figure.axes
    assert len({line.get_color() for line in axes.lines}) == 3, "three forms"
    assert "softmax: does not fit at 16,384" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_draw_is_said_and_nothing_written(tmp_path, kind):
    with pytest.raises(FigureError, match="bench attention"):
        write(kind, table_of([]), tmp_path, tmp_path / "figure.svg")
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
