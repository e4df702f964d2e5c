"""Figure 4: how many times as fast ReLU linear attention is as softmax, as points with intervals on log axes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.architectures.attention.subject import EQUAL_MACS, SAME_SHAPE
from latency_bench.reports.attention_points import PLACE, place_words
from latency_bench.reports.attention_ratios import attention_ratios
from latency_bench.reports.plots.geometry import Segment
from latency_bench.reports.plots.grid import panel_grid, panel_title
from latency_bench.reports.plots.labels import Label, place_labels
from latency_bench.reports.plots.looks_legend import HOLLOW, hollow_handle, legend_below
from latency_bench.reports.plots.style import BLUE, ORANGE, Drawn, FigureError, log_axis, plain
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latency_bench.reports.paired_ratios import PairedRatios
    from latency_bench.reports.plots.kinds import Options

FORM = "softmax"
"""What the paper's figure sets against linear attention."""
LOOKS = {EQUAL_MACS: (ORANGE, "D", "at equal MACs"), SAME_SHAPE: (BLUE, "o", "at the same shape")}
"""Colour, marker and words by what is held equal."""


def draw_attention_factors(runs: pd.DataFrame, store: Path, options: Options) -> Drawn:
    """The figure of rows of the run table, with the ratios that the store has as pairs. Raises FigureError."""
    from latency_bench.harness.store.pair_listing import find_pairs
    from latency_bench.reports.paired_ratios import PairedRatios

    return attention_factors(runs, options, paired=PairedRatios.of(find_pairs(store)))


def attention_factors(
    runs: pd.DataFrame, options: Options, form: str = FORM, paired: PairedRatios | None = None
) -> Drawn:
    """Latency of `form` over that of ReLU linear attention against tokens, one panel a condition, scope and dimension
    of the heads. Raises FigureError where there is nothing to draw."""
    ratios = attention_ratios(runs, paired)
    data = ratios.loc[((ratios["label"] == form) & ratios["ratio"].notna()).astype(bool)]
    keys = [*PLACE, "scope", "head_dim"]
    panels = [(dict(zip(keys, values, strict=True)), rows_of(group)) for values, group in
              data.groupby(keys, dropna=False)]  # fmt: skip
    if not panels:
        raise FigureError(f"there is nothing to draw: {form} attention was not measured beside ReLU linear attention; "
                          "`bench attention` measures them")  # fmt: skip
    figure, grid = panel_grid(len(panels), options, height_in=2.6)
    labels, avoid, spare = {}, {}, {}
    low, high = _limits([row for _, rows in panels for row in rows])
    for axes, (place, rows) in zip(grid, panels, strict=True):
        panel_title(axes, place_words(place), f"{place['scope']}, heads of {place['head_dim']}")
        _draw_panel(axes, rows, form)
        axes.set_ylim(low, high)
        _finish(axes, rows)
        labels[axes] = [Label(row["tokens"], row["ratio"], _factor(row["ratio"])) for row in rows]
        avoid[axes] = [_bar(row) for row in rows]
        spare[axes] = [((axes.get_xlim()[0], 1.0), (axes.get_xlim()[1], 1.0)), *_lines(rows)]
    _legend(figure, data, options.width)
    place_labels(figure, labels, avoid, spare)
    return Drawn(figure, data)


def _draw_panel(axes: Axes, rows: list[dict[str, Any]], form: str) -> None:
    axes.axhline(1.0, color="0.7", linewidth=0.8, zorder=1)
    for definition, (colour, marker, _) in LOOKS.items():
        of_one = sorted((row for row in rows if row["definition"] == definition), key=lambda row: int(row["tokens"]))
        axes.plot([row["tokens"] for row in of_one], [row["ratio"] for row in of_one], color=colour, linewidth=0.8)
        for row in of_one:
            (_, low), (_, high) = _bar(row)
            unsteady = row["unstable"] or row["linear_unstable"]
            axes.errorbar(
                [row["tokens"]],
                [row["ratio"]],
                yerr=[[row["ratio"] - low], [high - row["ratio"]]],
                fmt=marker,
                color=colour,
                markersize=4.5,
                markerfacecolor="white" if unsteady else colour,
                elinewidth=0.8,
                capsize=1.5,
                zorder=3,
            )
    axes.set_xlabel("tokens")
    axes.set_ylabel(f"latency of {plain(form)}\nover ReLU linear")


def _lines(rows: list[dict[str, Any]]) -> list[Segment]:
    """The lines between the points, which names keep off."""
    ordered = sorted(rows, key=lambda row: (row["definition"], row["tokens"]))
    return [
        ((one["tokens"], one["ratio"]), (other["tokens"], other["ratio"]))
        for one, other in pairwise(ordered)
        if one["definition"] == other["definition"]
    ]


def _limits(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Of all panels, 1 among them, with room for names."""
    ends = [1.0, *(end for row in rows for _, end in _bar(row))]
    room = max(1.25, (max(ends) / min(ends)) ** 0.12)
    return min(ends) / room, max(ends) * room


def _finish(axes: Axes, rows: list[dict[str, Any]]) -> None:
    sizes = sorted({int(row["tokens"]) for row in rows})
    room = max(1.5, (sizes[-1] / sizes[0]) ** 0.14)
    axes.set_xlim(sizes[0] / room, sizes[-1] * room)
    log_axis(axes, "x")
    log_axis(axes, "y")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_xticks([], minor=True)


def _legend(figure: Figure, data: pd.DataFrame, width: str) -> None:
    from matplotlib.lines import Line2D

    there = set(data["definition"])
    looks = [look for definition, look in LOOKS.items() if definition in there]
    handles = [
        Line2D([], [], color=colour, marker=marker, linewidth=0.8, markersize=4.5) for colour, marker, _ in looks
    ]
    words = [text for _, _, text in looks]
    if data[["unstable", "linear_unstable"]].astype(bool).any(axis=None):
        handles.append(hollow_handle())
        words.append(HOLLOW)
    legend_below(figure, handles, width, words)


def _factor(ratio: float) -> str:
    return f"{ratio:.2f}×" if ratio < 9.995 else f"{ratio:.0f}×"


def _bar(row: dict[str, Any]) -> Segment:
    low, high = row["ratio_low"], row["ratio_high"]
    ends = (row["ratio"], row["ratio"]) if low is None or high is None else (low, high)
    return (row["tokens"], ends[0]), (row["tokens"], ends[1])
