"""Where a model's time goes: one bar a layer, slowest on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.reports.plots.style import BLUE, FigureError, new_figure, plain, save_figure

if TYPE_CHECKING:
    from latency_bench.harness.statistics.layer_shares import LayerShare

_LONGEST_NAME = 48


def draw_layers(layers: Sequence[LayerShare], title: str, path: Path) -> None:
    """Bars in milliseconds a request, with their share of the whole. Raises FigureError for nothing to draw."""
    if not layers:
        raise FigureError("there is nothing to draw: the runtime did not report times by layer")
    figure = new_figure(7.2, 0.6 + 0.22 * len(layers))
    axes = figure.subplots()
    places = range(len(layers))
    axes.barh(places, [layer.time_ms for layer in layers], color=BLUE)
    axes.set_yticks(places, [plain(layer.name, _LONGEST_NAME) for layer in layers])
    axes.invert_yaxis()
    for place, layer in zip(places, layers, strict=True):
        axes.annotate(f" {layer.share:.1%}", (layer.time_ms, place), va="center", fontsize=7)
    axes.set_xlabel("ms a request, while profiled")
    axes.set_title(plain(title, 90), loc="left")
    save_figure(figure, path)
