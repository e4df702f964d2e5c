"""A case over time: every run with its interval, the levels, where they changed, and what else changed there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.reports.history.build import History, build_history
from latency_bench.reports.history.commit_chain import chain_of
from latency_bench.reports.history.run_series import series_of
from latency_bench.reports.plots.style import (
    BLUE,
    COLUMN_WIDTH_IN,
    GREY,
    ORANGE,
    RED,
    Drawn,
    FigureError,
    new_figure,
    plain,
)
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from latency_bench.reports.plots.kinds import Options

_MARKS_NAMED = 6


def draw_runs(runs: pd.DataFrame, store: Path, options: Options) -> Drawn:
    """Of rows of the run table, which are of one case. Raises FigureError for several cases or none."""
    from latency_bench.harness.store.pair_listing import find_pairs

    found = series_of(rows_of(runs))
    if len(found) != 1:
        names = "; ".join(series.key.label() for series in found[:4])
        raise FigureError(
            f"{len(found)} cases with a number are selected, and this figure shows one: {names or 'none'}"
        )
    pairs = find_pairs(store, found[0].key.setting.device)
    return draw_history(build_history(found[0], chain_of(pairs, found[0].key)), options.width)


def draw_history(history: History, width: str = "double") -> Drawn:
    """Below, where pairs link commits, the latency of each over the first. Raises FigureError without runs."""
    import pandas as pd

    if not history.shown:
        raise FigureError("nothing was measured since then; choose an earlier --since")
    figure = new_figure(COLUMN_WIDTH_IN[width], 4.2 if history.code else 3.0)
    panels = figure.subplots(2, 1, height_ratios=(3, 1)) if history.code else [figure.subplots()]
    panels[0].set_title(plain(history.series.key.label(), 90), loc="left")
    _draw_levels(panels[0], history)
    _draw_points(panels[0], history)
    _draw_changes(panels[0], history)
    panels[0].set_ylabel("median latency, ms")
    panels[0].legend(loc="upper left", fontsize=6.5)
    if history.code:
        _draw_code(panels[1], history)
    for axes in panels:
        axes.xaxis_date()
    figure.autofmt_xdate(rotation=30)
    return Drawn(figure, pd.DataFrame(_rows(history)))


def _days(moments: Iterable[datetime]) -> list[float]:
    """As matplotlib counts time."""
    from matplotlib.dates import date2num

    return [float(date2num(moment)) for moment in moments]  # type: ignore[no-untyped-call]


def _draw_points(axes: Axes, history: History) -> None:
    for status, face, label in (("done", BLUE, "run"), ("unstable", "white", "run that never settled")):
        runs = [run for run in history.shown if run.status == status]
        if not runs:
            continue
        below = [run.median_ms - (run.low_ms or run.median_ms) for run in runs]
        above = [(run.high_ms or run.median_ms) - run.median_ms for run in runs]
        axes.errorbar(
            _days(run.started_at for run in runs),
            [run.median_ms for run in runs],
            yerr=[below, above],
            fmt="o",
            color=BLUE,
            markerfacecolor=face,
            markersize=3.5,
            elinewidth=0.7,
            linestyle="none",
            label=label,
        )


def _draw_levels(axes: Axes, history: History) -> None:
    import numpy as np

    bounds = {0, len(history.series.runs), *(one.first for one in history.stretches)}
    bounds |= {change.place for change in history.changes}
    ordered = sorted(bounds)
    drifting = {one.first for one in history.stretches if one.drift is not None}
    for first, end in pairwise(ordered):
        runs = history.series.runs[max(first, history.shown_from) : end]
        if not runs or first in drifting:
            continue
        level = math.exp(float(np.mean([run.log_level for run in history.series.runs[first:end]])))
        axes.plot(_days([runs[0].started_at, runs[-1].started_at]), [level, level], color=GREY, linewidth=1.2)


def _draw_changes(axes: Axes, history: History) -> None:
    for change in history.changes:
        colour = RED if change.is_slower else ORANGE
        axes.axvspan(*_days([change.before.started_at, change.after.started_at]), color=colour, alpha=0.15, linewidth=0)
        runs = history.series.runs
        label = f"{change.change.ratio - 1:+.1%} at {runs[change.place].moment}"
        line = "-" if change.is_slower else "--"
        axes.axvline(*_days([runs[change.place].started_at]), color=colour, linestyle=line, linewidth=0.8, label=label)
    for mark in history.marks():
        axes.axvline(*_days([history.series.runs[mark.place].started_at]), color=GREY, linewidth=0.6, linestyle=":")
    for mark in history.marks()[-_MARKS_NAMED:]:
        axes.annotate(
            plain("; ".join(mark.differences), 30),
            (_days([history.series.runs[mark.place].started_at])[0], 0.02),
            xycoords=("data", "axes fraction"),
            rotation=90,
            fontsize=6,
            color=GREY,
            ha="right",
        )


def _draw_code(axes: Axes, history: History) -> None:
    links = history.code
    axes.errorbar(
        _days(link.measured_at for link in links),
        [link.ratio for link in links],
        yerr=[[link.ratio - link.low for link in links], [link.high - link.ratio for link in links]],
        fmt="s",
        color=ORANGE,
        markersize=3.5,
        elinewidth=0.7,
    )
    axes.axhline(1.0, color=GREY, linewidth=0.6, linestyle=":")
    axes.set_ylabel("commit over\nthe one before")


def _rows(history: History) -> list[dict[str, object]]:
    changed = {history.series.runs[change.place].run_id: change.change for change in history.changes}
    marked = {history.series.runs[mark.place].run_id: "; ".join(mark.texts()) for mark in history.marks()}
    rows: list[dict[str, object]] = []
    for run in history.shown:
        change = changed.get(run.run_id)
        rows.append(
            {
                "run_id": run.run_id,
                "started_at": run.started_at.isoformat(),
                "commit": run.commit,
                "median_ms": run.median_ms,
                "low_ms": run.low_ms,
                "high_ms": run.high_ms,
                "round_samples": " ".join(map(str, run.round_samples)),
                "status": run.status,
                "change": None if change is None else change.ratio,
                "change_low": None if change is None else change.low,
                "change_high": None if change is None else change.high,
                "marks": marked.get(run.run_id),
            }
        )
    return rows
