"""Latencies of the same models in two places, one panel for each two: a scatter plot on logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latency_bench.reports.plots.grid import MOST_PANELS, panel_grid, panel_label, panel_title
from latency_bench.reports.plots.kinds import Options
from latency_bench.reports.plots.style import BLUE, Drawn, log_axis

if TYPE_CHECKING:
    from latency_bench.reports.agreement.statistics import Agreement


def draw_agreements(found: Sequence[Agreement], options: Options | None = None) -> Drawn:
    """The first MOST_PANELS, those with most models in common first. The grey line is one ratio for all models."""
    import numpy as np
    import pandas as pd

    shown = sorted(found, key=lambda one: -len(one.keys))[:MOST_PANELS]
    figure, grid = panel_grid(len(shown), options or Options(), height_in=2.9)
    rows = []
    for axes, one in zip(grid, shown, strict=True):
        across, upwards = (
            np.array([series.latencies[key].ms for key in one.keys]) for series in (one.second, one.first)
        )
        axes.plot(across, upwards, "o", color=BLUE, markersize=3.5, zorder=3)
        ratio = float(np.exp(np.mean(np.log(upwards / across))))
        ends = np.array([across.min(), across.max()])
        axes.plot(ends, ends * ratio, color="0.7", linewidth=1.0, zorder=1)
        panel_title(axes, one.first.name, f"tau-b {one.tau:.2f} [{one.low:.2f}, {one.high:.2f}]")
        panel_label(axes, f"{one.second.name}, ms")
        axes.set_ylabel("ms")
        for name in ("x", "y"):
            log_axis(axes, name)
        rows += [
            {
                "first": one.first.name,
                "second": one.second.name,
                "model": name,
                "resolution": size,
                "first_ms": one.first.latencies[name, size].ms,
                "second_ms": one.second.latencies[name, size].ms,
            }
            for name, size in one.keys
        ]
    return Drawn(figure, pd.DataFrame(rows))
