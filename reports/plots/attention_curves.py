"""Attention's growth with the tokens in pictures: latency and memory, every form a line.

One panel for every condition (device, runtime, threads, precision) and scope. Error bars are 95 % intervals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from latency_bench.reports.attention_points import PLACE, attention_points, place_words
from latency_bench.reports.plots.grid import panel_grid, panel_title
from latency_bench.reports.plots.looks_legend import HOLLOW, hollow_handle, legend_below
from latency_bench.reports.plots.style import (
    BLUE,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Drawn,
    FigureError,
    Marker,
    log_axis,
    plain,
)
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from latency_bench.reports.plots.kinds import Options

STYLES: dict[str, tuple[str, Marker]] = {
    "ReLU linear": (BLUE, "o"),
    "ReLU linear, multi-scale": (SKY, "s"),
    "ReLU quadratic": (GREEN, "^"),
    "softmax": (ORANGE, "D"),
    "softmax, multi-scale": (RED, "X"),
    "softmax, fused": (PURPLE, "v"),
    "softmax, fused (flash)": ("black", ">"),
}
"""By label: no two have the same marker."""
_OTHERS = tuple(marker for marker in MARKERS if marker not in {marker for _, marker in STYLES.values()})
"""Of labels that have no look of their own; they are grey."""


def attention_scaling(runs: pd.DataFrame, options: Options) -> Drawn:
    """Latency against tokens on log-log axes, every form at one shape. Raises FigureError for nothing to draw."""
    return _curves(runs, options, "median_ms", "latency, ms")


def attention_memory(runs: pd.DataFrame, options: Options) -> Drawn:
    """Largest resident memory of the process against tokens, log-log. Raises FigureError for nothing to draw."""
    return _curves(runs, options, "peak_rss_bytes", "peak memory of the process, MiB", scale=2**20)


def _curves(runs: pd.DataFrame, options: Options, column: str, words: str, scale: float = 1.0) -> Drawn:
    points = attention_points(runs)
    points = points.loc[_of_a_shape_with_others(points).astype(bool)]
    keys = [*PLACE, "scope", "heads", "head_dim"]
    panels = [
        (dict(zip(keys, values, strict=True)), group)
        for values, group in points.groupby(keys, dropna=False)
        if group[column].notna().any()
    ]
    if not panels:
        raise FigureError("there is nothing to draw: no attention was measured at several numbers of tokens; "
                          "`bench attention` measures them")  # fmt: skip
    figure, grid = panel_grid(len(panels), options, height_in=2.8)
    handles: dict[str, Artist] = {}
    looks = _looks(points["label"])
    for axes, (place, group) in zip(grid, panels, strict=True):
        for label, curve in group[group[column].notna()].groupby("label"):
            line = _curve(axes, curve.sort_values("tokens"), looks[str(label)], column, scale)
            handles.setdefault(plain(str(label)), line)
        _finish(axes, group, words)
        panel_title(axes, place_words(place), f"{place['scope']}, {place['heads']} heads of {place['head_dim']}")
    if (points["status"] == "unstable").any():
        handles[HOLLOW] = hollow_handle()
    legend_below(figure, list(handles.values()), options.width, list(handles))
    return Drawn(figure, points)


def _finish(axes: Axes, group: pd.DataFrame, words: str) -> None:
    """Axes with the measured sizes as ticks, and what did not fit into memory in words."""
    log_axis(axes, "x")
    log_axis(axes, "y")
    sizes = sorted(int(size) for size in group["tokens"].unique())
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("tokens")
    axes.set_ylabel(words)
    too_large = group[~group["fits"].astype(bool)].groupby("label")["tokens"].min()
    lines = [f"{label}: does not fit at {tokens:,}" for label, tokens in too_large.items()]
    axes.text(0.98, 0.02, plain(" @ ".join(lines), 200).replace(" @ ", "\n"), ha="right", va="bottom",
              fontsize=6.5, color=GREY, transform=axes.transAxes)  # fmt: skip


def _of_a_shape_with_others(points: pd.DataFrame) -> pd.Series[bool]:
    """Of the shapes that other forms were measured at too, not of linear forms that were made to match their MACs."""
    keys = [*PLACE, "scope", "heads", "head_dim"]
    forms = points.groupby(keys, dropna=False)["form"].transform("nunique")
    kept: pd.Series[bool] = (forms > 1) & (points["repeats"] == 1)
    return kept


def _looks(labels: Iterable[str]) -> dict[str, tuple[str, Marker]]:
    """Colour and marker of each label, the same in all panels."""
    names = dict.fromkeys(map(str, labels))
    others = sorted(name for name in names if name not in STYLES)
    return STYLES | {name: (GREY, _OTHERS[place % len(_OTHERS)]) for place, name in enumerate(others)}


def _curve(axes: Axes, curve: pd.DataFrame, look: tuple[str, Marker], column: str, scale: float) -> Artist:
    """The line of a form; the handle for its legend."""
    colour, marker = look
    values = curve[column].astype(float) / scale
    (line,) = axes.plot(curve["tokens"], values, color=colour, marker=marker, markersize=4, linewidth=1.2)
    for row in rows_of(curve):
        value = row[column] / scale
        ends = (row["low_ms"], row["high_ms"]) if column == "median_ms" else (None, None)
        low, high = ((end or value * scale) / scale for end in ends)
        axes.errorbar(
            [row["tokens"]],
            [value],
            yerr=[[value - low], [high - value]],
            marker=marker,
            linestyle="none",
            color=colour,
            markersize=4,
            markerfacecolor="white" if row["status"] == "unstable" else colour,
            elinewidth=0.8,
            capsize=2,
            zorder=3,
        )
    return line
