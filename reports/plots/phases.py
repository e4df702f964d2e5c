"""Where a request's time goes: copy in, compute, copy out, and what a pipeline has around them, stacked, one bar a
model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.workload import Workload
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.outcome import PHASES as REQUEST_PHASES
from latency_bench.harness.store.outcome import Phase
from latency_bench.reports.plots.grid import panel_stack, panel_title
from latency_bench.reports.plots.plot_selection import latest, without_calibrations
from latency_bench.reports.plots.style import (
    BLUE,
    GREEN,
    GREY,
    HATCHES,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Drawn,
    FigureError,
    plain_names,
)
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from latency_bench.reports.plots.kinds import Options

_LOOKS: dict[Phase, tuple[str, str]] = {
    "decode": (RED, HATCHES[3]),
    "preprocess": (PURPLE, HATCHES[4]),
    "h2d": (ORANGE, HATCHES[1]),
    "compute": (BLUE, HATCHES[0]),
    "d2h": (GREEN, HATCHES[2]),
    "postprocess": (SKY, HATCHES[5]),
}
PHASES = {f"{phase}_ms": _LOOKS[phase] for phase in REQUEST_PHASES}
"""Columns of the run table in the order of a request, with their colours and hatches."""
MOST_BARS = 60
_BAR_IN, _PANEL_IN = 0.2, 0.6
"""Height of a bar, and of what a panel has above and below its bars."""


def draw_phases(runs: pd.DataFrame, options: Options) -> Drawn:
    """The latest run of each case, one panel a setting, slowest on top; the whole latency with its interval over them.

    Phases are medians of their own and need not add up to the latency's; one that was not measured is not drawn.
    Raises FigureError where no run has phases.
    """
    import pandas as pd

    table = without_calibrations(latest(runs))
    table = table[table[list(PHASES)].notna().any(axis=1)]
    if table.empty:
        raise FigureError(
            "there is nothing to draw: in the selected runs only whole requests were timed, not their phases"
        )
    rows = sorted((_row(row) for row in rows_of(table)), key=lambda row: (row["panel"], -row["latency_ms"]))
    data = pd.DataFrame(rows)
    if len(rows) > MOST_BARS:
        raise FigureError(f"{len(rows)} bars are too many for one figure (at most {MOST_BARS}); select fewer models")
    panels = list(data.groupby("panel", sort=False))
    figure, grid = panel_stack([_PANEL_IN + _BAR_IN * len(of_panel) for _, of_panel in panels], options)
    for axes, (panel, of_panel) in zip(grid, panels, strict=True):
        panel_title(axes, str(panel))
        _draw_bars(axes, rows_of(of_panel))
    # A panel may have phases that the first has not.
    found = [pair for axes in grid for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    named = {label: handle for handle, label in reversed(found)}
    labels = list(dict.fromkeys(label for _, label in found))
    handles = [named[label] for label in labels]
    figure.legend(handles, labels, loc="outside lower right", ncols=4 if options.width == "double" else 2, fontsize=6.5)
    return Drawn(figure, data)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    kept = (*PHASES, "status", "run_id")
    latency = {"latency_ms": row["median_ms"], "low_ms": row["low_ms"], "high_ms": row["high_ms"]}
    return {
        "panel": Setting.of_row(row).label(),
        "case": Workload.of_row(row).label(),
        **latency,
        **{name: row[name] for name in kept},
    }


def _draw_bars(axes: Axes, rows: list[dict[str, Any]]) -> None:
    places = list(range(len(rows)))
    starts = [0.0] * len(rows)
    for column, (colour, hatch) in PHASES.items():
        if all(row[column] is None for row in rows):
            continue
        widths, words = [row[column] or 0.0 for row in rows], columns()[column].title
        axes.barh(
            places,
            widths,
            left=starts,
            height=0.7,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0,
            label=words,
        )
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    for place, row in zip(places, rows, strict=True):
        low, high = (row["latency_ms"] if row[end] is None else row[end] for end in ("low_ms", "high_ms"))
        axes.errorbar(
            [row["latency_ms"]],
            [place],
            xerr=[[row["latency_ms"] - low], [high - row["latency_ms"]]],
            fmt="d",
            color="black",
            markersize=3,
            markerfacecolor="white" if row["status"] == "unstable" else "black",
            elinewidth=0.8,
            capsize=1.5,
            label="whole latency (hollow: unstable)" if place == 0 else None,
        )
    axes.set_yticks(places, plain_names((row["case"] for row in rows), 36))
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("ms a request")
    axes.grid(axis="x", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines["left"].set_color(GREY)
