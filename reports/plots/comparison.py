"""Two sets of runs side by side: both distributions of latency, and the medians of their rounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.number_text import ratio_with_interval
from latency_bench.reports.plots.style import BLUE, LINES, ORANGE, FigureError, new_figure, plain, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from latency_bench.harness.comparing import Compared, Pair, Side

MOST_PAIRS = 20
_ROW_HEIGHT_IN = 2.2


def draw_comparison(compared: Compared, a: str, b: str, path: Path) -> None:
    """One row a case: left the cumulative distribution of all samples, right the median of every round.

    Raises FigureError where there is nothing to draw, too much of it, or the file cannot be written.
    """
    pairs = [pair for pair in compared.pairs if pair.comparison is not None]
    if not pairs:
        raise FigureError("there is nothing to draw: no case was measured on both sides")
    if len(pairs) > MOST_PAIRS:
        raise FigureError(f"{len(pairs)} cases are too many for one figure; select at most {MOST_PAIRS}")
    figure = new_figure(7.2, _ROW_HEIGHT_IN * len(pairs) + 0.4)
    grid = figure.subplots(len(pairs), 2, squeeze=False, gridspec_kw={"width_ratios": [3, 2]})
    for (distribution, medians), pair in zip(grid, pairs, strict=True):
        _draw_distributions(distribution, pair, a, b)
        _draw_rounds(medians, pair)
    save_figure(figure, path)


def _draw_distributions(axes: Axes, pair: Pair, a: str, b: str) -> None:
    import numpy as np

    edges = []
    for side, name, colour, line in ((pair.a, a, BLUE, LINES[0]), (pair.b, b, ORANGE, LINES[1])):
        values = np.sort(np.concatenate(side.rounds_ms()))
        share = np.arange(1, values.size + 1) / values.size
        axes.step(values, share, where="post", color=colour, linestyle=line, linewidth=1.4, label=_ending(name, 36))
        edges.append(np.quantile(values, [0.0, 0.99]))
    low, high = min(edge[0] for edge in edges), max(edge[1] for edge in edges)
    # The slowest hundredth may be far away; what is cut off is said.
    axes.set_xlim(low - 0.02 * (high - low), high + 0.05 * (high - low))
    axes.set_ylim(0, 1)
    axes.set_xlabel("latency, ms (up to the 99th percentile)")
    axes.set_ylabel("share of requests")
    axes.set_title(_ending(pair.name, 60), loc="left")
    axes.legend(loc="lower right")


def _draw_rounds(axes: Axes, pair: Pair) -> None:
    assert pair.comparison is not None
    for height, side, colour in ((1, pair.a, BLUE), (0, pair.b, ORANGE)):
        medians = _round_medians(side)
        axes.plot(medians, [height] * len(medians), "o", color=colour, alpha=0.6, markersize=5, markeredgewidth=0)
    axes.set_yticks([1, 0], ["A", "B"])
    axes.set_ylim(-0.6, 1.6)
    axes.set_xlabel("median of each round, ms")
    found = pair.comparison
    figures = ratio_with_interval(found.ratio, found.low, found.high)
    axes.set_title(f"B / A = {figures}\n{found.verdict}", loc="left")


def _round_medians(side: Side) -> list[float]:
    import numpy as np

    return [float(np.median(values)) for values in side.rounds_ms()]


def _ending(text: str, length: int) -> str:
    """What tells long names apart is at their end."""
    return plain(text if len(text) <= length else "..." + text[-(length - 3) :], length)
