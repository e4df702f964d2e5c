"""Speed against accuracy, one panel a device, data set and metric, the frontier drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.reports.measured_accuracies import MeasuredAccuracies
from latency_bench.reports.paired_ratios import PairedRatios
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.plots.column_axis import number_column
from latency_bench.reports.plots.family_looks import Look, look_of
from latency_bench.reports.plots.geometry import Segment
from latency_bench.reports.plots.grid import panel_grid, panel_title
from latency_bench.reports.plots.interval_point import draw_point
from latency_bench.reports.plots.labels import Label, place_labels
from latency_bench.reports.plots.looks_legend import hollow_handle, legend_below, look_handles, ring_handle
from latency_bench.reports.plots.style import Drawn, FigureError, log_axis, plain, plain_names
from latency_bench.reports.plots.trade_off_points import Speed, frontier_of, trade_off_points
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latency_bench.harness.store.columns.column import Column
    from latency_bench.reports.papers.paper import PaperTable
    from latency_bench.reports.plots.kinds import Options

_FEW = 14
"""Points of a panel that a low one has room to name."""
_WORDS: dict[Speed, str] = {"latency": "latency, ms", "throughput": "throughput, images/s"}


def draw_trade_off(runs: pd.DataFrame, store: Path, options: Options, speed: Speed) -> Drawn:
    """`runs` are rows of the run table. The published accuracies are those of the tables of `options`, or else of all
    that have one. Raises FigureError where no run is of a model whose accuracy is known."""
    from latency_bench.harness.store.accuracy_listing import find_accuracies
    from latency_bench.harness.store.pair_listing import find_pairs

    paper = options.paper or default_paper()
    tables = [table for table in paper.tables if table.accuracy and (not options.tables or table.id in options.tables)]
    column = None if options.x is None else number_column(options.x)
    if column is not None:
        speed = _like(column, options)
    paired, measured = PairedRatios.of(find_pairs(store)), MeasuredAccuracies.of(find_accuracies(store))
    points = trade_off_points(
        runs, speed, tables, options.published, column, options.accuracies, options.datasets, paired, measured
    )
    if points.empty:
        raise FigureError(_nothing(options, tables))
    panels = list(points.groupby(["panel", "dataset", "metric"], sort=False))
    most = max(len(of_panel) for _, of_panel in panels)
    figure, grid = panel_grid(len(panels), options, height_in=2.7 if most <= _FEW else 3.4)
    labels, avoid, frontier = {}, {}, {}
    for axes, ((panel, dataset, metric), of_panel) in zip(grid, panels, strict=True):
        rows = rows_of(of_panel)
        panel_title(axes, str(panel), *([str(dataset)] if dataset else []))
        axes.set_xlabel(_WORDS[speed] if column is None else column.heading)
        axes.set_ylabel(plain(f"{metric} ({', '.join(dict.fromkeys(row['accuracy_from'] for row in rows))})"))
        for row in rows:
            _draw_point(axes, row, look_of(row["family"]))
        _scale(axes, rows)
        if column is not None and (column.unit == "bytes" or column.in_thousands):
            axes.xaxis.set_major_formatter(lambda value, _: column.text(value))
        frontier[axes] = _draw_frontier(axes, rows, speed)
        names = plain_names(row["label"] for row in rows)
        labels[axes] = [Label(row["speed"], row["accuracy"], name) for row, name in zip(rows, names, strict=True)]
        avoid[axes] = [bar for row in rows for bar in _bars(row)]
    _legend(figure, points, options)
    place_labels(figure, labels, avoid, spare=frontier)
    return Drawn(figure, points)


def _nothing(options: Options, tables: Sequence[PaperTable]) -> str:
    if options.accuracies:
        models = ", ".join(list(dict.fromkeys(one.model for one in options.accuracies))[:4])
        return f"no selected run is of a model of the file of accuracies ({models}, ...); `bench results ls` shows ids"
    return (
        f"no run is of a model that Table {', '.join(table.id for table in tables)} of the paper has, at its own "
        "resolution; "
        "`bench models ls` tells which do, --published draws what the paper prints, --accuracy takes your own"
    )


def _legend(figure: Figure, points: pd.DataFrame, options: Options) -> None:
    handles = look_handles(sorted(points["family"].unique()))
    if (points["status"] == "unstable").any():
        handles.append(hollow_handle())
    if (points["on_front"] == "open").any():
        handles.append(ring_handle("ringed: on the frontier or not, was not shown"))
    legend_below(figure, handles, options.width)


def _like(column: Column, options: Options) -> Speed:
    """Which way the frontier of a column goes. Raises FigureError where no value is better than another, or where the
    paper's figures were asked for, which are speeds alone."""
    if not column.better:
        raise FigureError(f"neither a lower nor a higher {column.name} is better: `bench plot scatter` draws it")
    if options.published:
        raise FigureError(f"the paper prints speeds and no {column.name}; leave out --published, or --x")
    return frontier_of(column)


def _draw_point(axes: Axes, row: dict[str, Any], look: Look) -> None:
    low, high = _ends(row)
    least, most = _accuracy_ends(row)
    across = [[row["speed"] - low], [high - row["speed"]]]
    upwards = None if least == most else [[row["accuracy"] - least], [most - row["accuracy"]]]
    draw_point(axes, row["speed"], row["accuracy"], across, upwards, look, row["status"] == "unstable")
    if row["on_front"] == "open":
        axes.plot([row["speed"]], [row["accuracy"]], "o", color="0.55", markerfacecolor="none", markersize=9,
                  markeredgewidth=0.6, zorder=2)  # fmt: skip


def _scale(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    """Logarithmic, with room for names on all sides."""
    low, high = min(_ends(row)[0] for row in rows), max(_ends(row)[1] for row in rows)
    room = max(1.25, (high / low) ** 0.16)
    axes.set_xlim(low / room, high * room)
    log_axis(axes, "x")
    accuracies = [end for row in rows for end in _accuracy_ends(row)]
    margin = max(0.5, 0.2 * (max(accuracies) - min(accuracies)))
    axes.set_ylim(min(accuracies) - margin, max(accuracies) + margin)


def _draw_frontier(axes: Axes, rows: Sequence[dict[str, Any]], speed: Speed) -> list[Segment]:
    """The best accuracy that can be had at each speed, as a staircase; returns its segments."""
    best = sorted((row["speed"], row["accuracy"]) for row in rows if row["frontier"])
    if speed == "throughput":
        best.reverse()
    corners = best[:1]
    for before, after in pairwise(best):
        corners += [(after[0], before[1]), after]
    axes.plot([x for x, _ in corners], [y for _, y in corners], color="0.8", linewidth=1.2, zorder=1)
    return list(pairwise(corners))


def _bars(row: dict[str, Any]) -> list[Segment]:
    (low, high), (least, most) = _ends(row), _accuracy_ends(row)
    return [((low, row["accuracy"]), (high, row["accuracy"])), ((row["speed"], least), (row["speed"], most))]


def _ends(row: dict[str, Any]) -> tuple[float, float]:
    """Of the interval; the point itself where there is none."""
    return (row["speed"], row["speed"]) if row["low"] is None else (row["low"], row["high"])


def _accuracy_ends(row: dict[str, Any]) -> tuple[float, float]:
    """The same of the accuracy, which has an interval where it was measured."""
    measured = row["accuracy_low"] is not None
    return (row["accuracy_low"], row["accuracy_high"]) if measured else (row["accuracy"], row["accuracy"])
