"""Any number of a run against any other: the latest run of each case, one panel a way of measuring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.workload import Workload
from latency_bench.harness.store.columns.column import Column
from latency_bench.reports.plots.column_axis import ColumnAxis, axis_of, number_column
from latency_bench.reports.plots.family_looks import family_name, look_of
from latency_bench.reports.plots.geometry import Segment
from latency_bench.reports.plots.grid import panel_grid, panel_title
from latency_bench.reports.plots.interval_point import draw_point
from latency_bench.reports.plots.labels import Label, place_labels
from latency_bench.reports.plots.looks_legend import hollow_handle, legend_below, look_handles
from latency_bench.reports.plots.plot_selection import latest, without_calibrations
from latency_bench.reports.plots.style import Drawn, FigureError, plain_names
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from latency_bench.reports.evidence import Run
    from latency_bench.reports.plots.kinds import Options

USUAL_X, USUAL_Y = "macs", "median_ms"
_FEW = 20
"""Points of a panel that a low one has room to name."""
_ABOUT = ("panel", "case", "family")


def draw_scatter(runs: pd.DataFrame, options: Options) -> Drawn:
    """`options.x` and `options.y` name columns (harness/store/columns) whose values are numbers.

    Raises ColumnError for a column that is not there, FigureError for one that is no number or where no run has both.
    """
    x, y = (number_column(name) for name in (options.x or USUAL_X, options.y or USUAL_Y))
    points = scatter_points(runs, x, y)
    if points.empty:
        raise FigureError(
            f"there is nothing to draw: no run has both {x.name} and {y.name}; "
            "`bench results ls --columns` shows what runs have"
        )
    across, upwards = axis_of(x, points[x.name]), axis_of(y, points[y.name])
    panels = list(points.groupby("panel", sort=False))
    families = sorted(points["family"].unique())
    unstable = bool((points["status"] == "unstable").any())
    figure, grid = panel_grid(len(panels), options, _height_in(max(len(of_panel) for _, of_panel in panels)))
    labels, avoid = {}, {}
    for axes, (panel, of_panel) in zip(grid, panels, strict=True):
        rows = rows_of(of_panel)
        panel_title(axes, str(panel))
        across.label(axes, "x")
        upwards.label(axes, "y")
        for row in rows:
            _draw_point(axes, row, across, upwards)
        across.limit(axes, "x")
        upwards.limit(axes, "y")
        names = plain_names(row["case"] for row in rows)
        labels[axes] = [Label(across.of(row), upwards.of(row), name) for row, name in zip(rows, names, strict=True)]
        avoid[axes] = [bar for row in rows for bar in _bars(row, across, upwards)]
    handles = look_handles(families) + ([hollow_handle()] if unstable else [])
    legend_below(figure, handles, options.width)
    place_labels(figure, labels, avoid)
    return Drawn(figure, points)


def _height_in(points: int) -> float:
    """Of a panel with room for the names of its points, of which many lie close together."""
    return 2.6 if points <= _FEW else 3.4 if points <= 2 * _FEW else 5.0


def scatter_points(runs: pd.DataFrame, x: Column, y: Column) -> pd.DataFrame:
    """A row a case with both numbers: its panel, what was measured, the two values as the run table has them with the
    ends of their intervals, and the run."""
    import pandas as pd

    measured = [name for column in (x, y) for name in (column.name, *(column.ends or ()))]
    names = [*_ABOUT, *dict.fromkeys(measured), "status", "flags", "run_id"]
    rows = [
        {
            **row,
            "panel": Setting.of_row(row).label(),
            "case": Workload.of_row(row).label(),
            "family": family_name(row["family"]),
            "flags": " ".join(row["flags"]),
        }
        for row in rows_of(latest(without_calibrations(runs)))
        if row[x.name] is not None and row[y.name] is not None
    ]
    rows.sort(key=lambda row: (row["panel"], row["case"]))
    table: pd.DataFrame = pd.DataFrame(rows, columns=names)
    return table


def _draw_point(axes: Axes, row: Run, across: ColumnAxis, upwards: ColumnAxis) -> None:
    look, is_hollow = look_of(row["family"]), row["status"] == "unstable"
    draw_point(axes, across.of(row), upwards.of(row), across.bar(row), upwards.bar(row), look, is_hollow)


def _bars(row: Run, across: ColumnAxis, upwards: ColumnAxis) -> list[Segment]:
    x, y = across.of(row), upwards.of(row)
    (left, right), (low, high) = across.ends(row), upwards.ends(row)
    return [((left, y), (right, y)), ((x, low), (x, high))]
