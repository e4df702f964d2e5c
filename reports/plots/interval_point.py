"""A point with its intervals in both directions, as every figure of one number against another draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from latency_bench.reports.plots.family_looks import Look

Bar = list[list[float]] | None
"""How far an interval reaches below its point and above it, as matplotlib has it; None: there is none."""


def draw_point(axes: Axes, x: float, y: float, across: Bar, upwards: Bar, look: Look, is_hollow: bool) -> None:
    """`across` is x's interval, `upwards` y's. Hollow: the run never settled."""
    axes.errorbar(
        [x],
        [y],
        xerr=across,
        yerr=upwards,
        marker=look.marker,
        linestyle="none",
        color=look.colour,
        markersize=look.size_pt,
        markerfacecolor="white" if is_hollow else look.colour,
        markeredgewidth=1.0,
        elinewidth=0.8,
        capsize=1.5,
        zorder=3,
    )
