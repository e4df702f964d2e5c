"""Softmax against ReLU linear attention in pictures: the paper's Figure 4, growth with the tokens, memory.

One panel for every condition (device, runtime, threads, precision) and scope. Error bars are 95 % intervals.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.architectures.attention.subject import EQUAL_MACS, SAME_SHAPE
from latency_bench.reports.attention_points import PLACE, attention_points, place_words
from latency_bench.reports.attention_ratios import attention_ratios
from latency_bench.reports.plots.style import (
    BLUE,
    COLUMN_WIDTH_IN,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Drawn,
    FigureError,
    log_axis,
    new_figure,
    plain,
    save_drawn,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from latency_bench.reports.paired_ratios import PairedRatios

STYLES = {
    "ReLU linear": (BLUE, "o"),
    "ReLU linear, multi-scale": (SKY, "s"),
    "ReLU quadratic": (GREEN, "^"),
    "softmax": (ORANGE, "D"),
    "softmax, multi-scale": (RED, "D"),
    "softmax, fused": (PURPLE, "v"),
    "softmax, fused (flash)": ("black", ">"),
}
"""By label; others are grey."""
FIGURE_4_FORM = "softmax"
MOST_PANELS = 12
_PANEL_HEIGHT_IN = 2.5


def draw_attention_bars(runs: pd.DataFrame, path: Path, form: str = FIGURE_4_FORM) -> tuple[Path, Path]:
    """Figure 4: latency of `form` and of ReLU linear attention side by side, at equal MACs and at equal shape.

    Bars are relative to the latter, with the interval of the factor. Writes the picture, and its rows as CSV beside it;
    returns both places. Raises FigureError.
    """
    return save_drawn(attention_bars(runs, form), path)


def draw_attention_scaling(runs: pd.DataFrame, path: Path) -> tuple[Path, Path]:
    """Latency against tokens on log-log axes, every form at one shape. As `draw_attention_bars`."""
    return save_drawn(attention_scaling(runs), path)


def draw_attention_memory(runs: pd.DataFrame, path: Path) -> tuple[Path, Path]:
    """Largest resident memory of the process against tokens, log-log. As `draw_attention_bars`."""
    return save_drawn(attention_memory(runs), path)


def attention_bars(runs: pd.DataFrame, form: str = FIGURE_4_FORM, paired: PairedRatios | None = None) -> Drawn:
    """The figure of `draw_attention_bars`, and its rows."""
    ratios = attention_ratios(runs, paired)
    data = ratios.loc[((ratios["label"] == form) & ratios["ratio"].notna()).astype(bool)]
    keys = [*PLACE, "scope", "head_dim"]
    panels = [(dict(zip(keys, values, strict=True)), group) for values, group in data.groupby(keys, dropna=False)]
    _check(len(panels), f"no runs of {form} attention beside ReLU linear attention")
    figure = new_figure(COLUMN_WIDTH_IN["double"], 0.3 + _PANEL_HEIGHT_IN * len(panels))
    grid = figure.subplots(len(panels), 2, squeeze=False)
    for row, (place, group) in zip(grid, panels, strict=True):
        for axes, definition in zip(row, (EQUAL_MACS, SAME_SHAPE), strict=True):
            _bars(axes, group[group["definition"] == definition].sort_values("tokens"), form)
            axes.set_title(_title(place, f"{place['scope']}, heads of {place['head_dim']}, {definition}"), loc="left")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return Drawn(figure, data)


def attention_scaling(runs: pd.DataFrame) -> Drawn:
    """The figure of `draw_attention_scaling`, and its points."""
    return _curves(runs, "median_ms", "latency, ms")


def attention_memory(runs: pd.DataFrame) -> Drawn:
    """The figure of `draw_attention_memory`, and its points."""
    return _curves(runs, "peak_rss_bytes", "peak memory of the process, MiB", scale=2**20)


def _bars(axes: Axes, rows: pd.DataFrame, form: str) -> None:
    import numpy as np

    if rows.empty:
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes, color=GREY)
        axes.set_axis_off()
        return
    places = np.arange(len(rows))
    ratios = rows["ratio"].astype(float).to_numpy()
    axes.bar(places - 0.2, ratios, width=0.38, color=ORANGE, label=form)
    axes.bar(places + 0.2, np.ones(len(rows)), width=0.38, color=BLUE, label="ReLU linear")
    if rows["ratio_low"].notna().all():
        low, high = (rows[name].astype(float).to_numpy() for name in ("ratio_low", "ratio_high"))
        axes.errorbar(
            places - 0.2,
            ratios,
            np.array([ratios - low, high - ratios]),
            fmt="none",
            ecolor="black",
            elinewidth=0.8,
            capsize=2,
        )
    tops = rows["ratio_high"].fillna(rows["ratio"]).astype(float)
    for place, ratio, top in zip(places - 0.2, ratios, tops, strict=True):
        text = f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x"
        axes.annotate(text, (place, top), (0, 2), textcoords="offset points", ha="center", fontweight="bold")
    axes.set_xticks(places, [_group_label(row) for row in rows.to_dict("records")], fontsize=6.5)
    axes.set_ylim(0, 1.25 * max(1.0, float(tops.max())))
    matched = rows["definition"].iloc[0] == EQUAL_MACS
    axes.set_xlabel(f"tokens; {form}; ReLU linear" + ("; what matches its MACs" if matched else ""))
    axes.set_ylabel("latency over ReLU linear's")


def _group_label(row: dict[Any, Any]) -> str:
    """Short lines one below the other: groups stand close together."""
    lines = [f"{row['tokens']:,}", _latency(row["median_ms"]), _latency(row["linear_ms"])]
    if row["definition"] == EQUAL_MACS:
        repeats = row["linear_repeats"]
        lines += [f"{repeats} modules" if repeats > 1 else f"{row['linear_heads']} heads"]
        lines += [f"MACs {row['macs_difference']:+.1%}"]
    return "\n".join(lines)


def _latency(value_ms: float) -> str:
    return f"{value_ms:.3g} ms" if value_ms < 999.5 else f"{value_ms / 1e3:.3g} s"


def _curves(runs: pd.DataFrame, column: str, words: str, scale: float = 1.0) -> Drawn:
    points = attention_points(runs)
    points = points.loc[_of_a_shape_with_others(points).astype(bool)]
    keys = [*PLACE, "scope", "heads", "head_dim"]
    panels = [
        (dict(zip(keys, values, strict=True)), group)
        for values, group in points.groupby(keys, dropna=False)
        if group[column].notna().any()
    ]
    _check(len(panels), "no attention was measured at several numbers of tokens")
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    width = COLUMN_WIDTH_IN["double"] if columns == 2 else COLUMN_WIDTH_IN["single"] + 1.2
    figure = new_figure(width, 0.6 + (_PANEL_HEIGHT_IN + 0.3) * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    handles: dict[str, Artist] = {}
    for axes, (place, group) in zip(grid.flat, panels, strict=False):
        for label, curve in group[group[column].notna()].groupby("label"):
            handles.setdefault(plain(str(label)), _curve(axes, curve.sort_values("tokens"), str(label), column, scale))
        _finish(axes, group, words)
        axes.set_title(_title(place, f"{place['scope']}, {place['heads']} heads of {place['head_dim']}"), loc="left")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
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


def _title(place: dict[str, Any], what: str) -> str:
    """In lines, none of which is wider than a panel."""
    device, runtime, *rest = place_words(place).split(", ")
    return "\n".join(plain(line, 56) for line in (f"{device}, {runtime}", ", ".join(rest), what))


def _of_a_shape_with_others(points: pd.DataFrame) -> pd.Series[bool]:
    """Of the shapes that other forms were measured at too, not of linear forms that were made to match their MACs."""
    keys = [*PLACE, "scope", "heads", "head_dim"]
    forms = points.groupby(keys, dropna=False)["form"].transform("nunique")
    kept: pd.Series[bool] = (forms > 1) & (points["repeats"] == 1)
    return kept


def _curve(axes: Axes, curve: pd.DataFrame, label: str, column: str, scale: float) -> Artist:
    import numpy as np

    colour, marker = STYLES.get(label, (GREY, "P"))
    values = curve[column].astype(float) / scale
    (line,) = axes.plot(curve["tokens"], values, color=colour, marker=marker, markersize=4, linewidth=1.2)
    if column == "median_ms" and curve["low_ms"].notna().all():
        low, high = (curve[name].astype(float) for name in ("low_ms", "high_ms"))
        axes.errorbar(
            curve["tokens"],
            values,
            np.array([values - low, high - values]),
            fmt="none",
            ecolor=colour,
            elinewidth=0.8,
            capsize=2,
        )
    return line


def _check(panels: int, nothing: str) -> None:
    if panels == 0:
        raise FigureError(f"{nothing}: there is nothing to draw; `bench attention` measures them")
    if panels > MOST_PANELS:
        raise FigureError(f"{panels} panels are too many for one figure; select runs of at most {MOST_PANELS}")
