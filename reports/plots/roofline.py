"""The roofline: what a device's arithmetic and memory allow, and where each run lies below it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import PLATFORM_COLUMNS
from latency_bench.harness.identity.workload import Workload
from latency_bench.reports.plots.family_looks import family_name, look_of
from latency_bench.reports.plots.geometry import Segment
from latency_bench.reports.plots.grid import panel_grid, panel_title
from latency_bench.reports.plots.labels import Label, place_labels
from latency_bench.reports.plots.looks_legend import hollow_handle, legend_below, look_handles
from latency_bench.reports.plots.plot_selection import latest, without_calibrations
from latency_bench.reports.plots.style import Drawn, FigureError, log_axis, plain_names
from latency_bench.reports.roofline import roofline
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from latency_bench.reports.plots.kinds import Options

_ROOM = 2.0


def draw_roofline(runs: pd.DataFrame, options: Options) -> Drawn:
    """The latest run of each case against the roof of its device, runtime, precision and threads, one panel each.

    Raises FigureError where no selected run has a calibration.
    """
    shown = without_calibrations(latest(runs))
    everything = runs if options.everything is None else options.everything
    rows = roofline(shown, calibrations=everything)
    if rows.empty:
        raise FigureError(
            "there is nothing to draw: no selected run has a calibration of its device in the same state, with "
            "the same runtime, precision and threads; "
            "`bench devices calibrate NAME` measures it (docs/roofline.md)"
        )
    data = rows.merge(shown[["run_id", *PLATFORM_COLUMNS, "model", "family", "status"]], on="run_id")
    names = {row["run_id"]: Workload.of_row(row).label() for row in rows_of(shown)}
    data.insert(1, "case", data["run_id"].map(names))
    # Runs of one platform in several states of the machine have a roof each.
    panels = list(data.groupby([*PLATFORM_COLUMNS, "compute_run", "memory_run"], sort=True, dropna=False))
    figure, grid = panel_grid(len(panels), options, height_in=2.8)
    families = sorted({family_name(row["family"]) for row in rows_of(data)})
    labels = {}
    avoid = {}
    for axes, (_, of_panel) in zip(grid, panels, strict=True):
        points = rows_of(of_panel)
        panel_title(axes, *_title(points[0]))
        avoid[axes] = _draw_roof(axes, points)
        for row in points:
            _draw_point(axes, row)
        ordered = sorted(points, key=lambda row: -row["fraction"])
        named = [row for row in ordered if row["macs"] > 0]
        labels[axes] = [
            Label(row["macs_per_byte"], row["macs_per_s"] / 1e9, f"{name} {row['fraction']:.0%}")
            for row, name in zip(named, plain_names(row["case"] for row in named), strict=True)
        ]
    handles = look_handles(families) + ([hollow_handle()] if (data["status"] == "unstable").any() else [])
    legend_below(figure, handles, options.width)
    place_labels(figure, labels, avoid)
    return Drawn(figure, data)


def _title(row: dict[str, Any]) -> tuple[str, str]:
    """The platform, and its peaks."""
    threads = row["threads"]
    words = "" if threads is None else f", {threads:g} thread{'' if threads == 1 else 's'}"
    peak, bandwidth = row["peak_macs_per_s"] / 1e9, row["peak_bytes_per_s"] / 1e9
    limits = f"{_rate(peak)} GMACs/s, {_rate(bandwidth)} GB/s"
    return f"{row['device']}: {row['runtime']} {row['precision']}{words}", limits


def _rate(value: float) -> str:
    """Three digits, and no power of ten for a GPU's thousands."""
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"


def _draw_roof(axes: Axes, points: list[dict[str, Any]]) -> list[Segment]:
    """The two roofs with their figures; returns them as segments."""
    peak, bandwidth = points[0]["peak_macs_per_s"] / 1e9, points[0]["peak_bytes_per_s"] / 1e9
    ridge = peak / bandwidth
    intensities = [row["macs_per_byte"] for row in points if row["macs"] > 0] or [ridge]
    rates = [row["macs_per_s"] / 1e9 for row in points if row["macs"] > 0] or [peak]
    left, right = min(*intensities, ridge) / _ROOM, max(*intensities, ridge) * _ROOM
    bottom, top = min(*rates, peak) / _ROOM, max(*rates, peak) * _ROOM
    left = max(left, bottom / bandwidth)
    roof = [(left, left * bandwidth), (ridge, peak), (right, peak)]
    axes.plot([x for x, _ in roof], [y for _, y in roof], color="0.25", linewidth=1.2, zorder=1)
    axes.set_xlim(min(left, *intensities) / 1.05, right)
    axes.set_ylim(min(bottom, left * bandwidth), top)
    log_axis(axes, "x")
    log_axis(axes, "y")
    axes.set_xlabel("MACs a byte that has to be moved")
    axes.set_ylabel("10$^9$ MACs per second")
    return list(pairwise(roof))


def _draw_point(axes: Axes, row: dict[str, Any]) -> None:
    if row["macs"] <= 0:
        return
    look = look_of(row["family"])
    axes.plot(
        [row["macs_per_byte"]],
        [row["macs_per_s"] / 1e9],
        marker=look.marker,
        linestyle="none",
        color=look.colour,
        markersize=look.size_pt,
        markerfacecolor="white" if row["status"] == "unstable" else look.colour,
        zorder=3,
    )
