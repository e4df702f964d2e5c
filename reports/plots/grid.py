"""Panels beside and below each other, in the width of a column or a page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from latency_bench.reports.plots.style import COLUMN_WIDTH_IN, FigureError, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latency_bench.reports.plots.kinds import Options

MOST_PANELS = 12


def panel_stack(heights_in: Sequence[float], options: Options) -> tuple[Figure, list[Axes]]:
    """A figure with panels below each other, each as high as it needs. Raises FigureError as `panel_grid`."""
    _check(len(heights_in))
    figure = new_figure(COLUMN_WIDTH_IN[options.width], sum(heights_in) + 0.3)
    grid = figure.subplots(len(heights_in), 1, squeeze=False, gridspec_kw={"height_ratios": list(heights_in)})
    return figure, [axes for (axes,) in grid]


def panel_title(axes: Axes, *lines: str) -> None:
    """Foreign text above a panel, broken into lines that fit its width."""
    axes.set_title(_fitted(axes, lines), loc="left")


def panel_label(axes: Axes, text: str) -> None:
    """Foreign text below a panel, likewise."""
    axes.set_xlabel(_fitted(axes, [text]))


def _fitted(axes: Axes, lines: Iterable[str]) -> str:
    place = axes.get_subplotspec()
    across = 1 if place is None else place.get_gridspec().ncols
    width_in = axes.figure.get_figwidth() / across  # type: ignore[union-attr]
    # A bold letter of 8 points is about 5 points wide; ticks and their label take a seventh of a panel.
    letters = int(width_in * 72 * 6 / 7 / 5)
    return "\n".join(part for line in lines for part in textwrap.wrap(plain(line, 3 * letters), letters))


def panel_grid(count: int, options: Options, height_in: float) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels, each `height_in` high: one in a row of a single column, two across a page.

    Raises FigureError for more panels than a page holds.
    """
    _check(count)
    across = 1 if options.width == "single" or count == 1 else 2
    down = -(-count // across)
    figure = new_figure(COLUMN_WIDTH_IN[options.width], height_in * down)
    grid = [axes for row in figure.subplots(down, across, squeeze=False) for axes in row]
    for unused in grid[count:]:
        unused.remove()
    return figure, grid[:count]


def _check(panels: int) -> None:
    if panels > MOST_PANELS:
        raise FigureError(
            f"{panels} panels are too many for one figure (at most {MOST_PANELS}); select fewer with --device, "
            "--runtime, --model, --dataset"
        )
