"""One run over time: every request's latency, and below it the clocks, temperatures and powers that were read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.store.reader import StoredRun, read_record
from latency_bench.harness.units import NS_PER_MS
from latency_bench.reports.plots.style import (
    BLUE,
    COLOURS,
    COLUMN_WIDTH_IN,
    GREY,
    LINES,
    ORANGE,
    Drawn,
    FigureError,
    new_figure,
    plain,
)
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latency_bench.harness.store.outcome import RoundRecord
    from latency_bench.harness.store.record import RunRecord
    from latency_bench.reports.plots.kinds import Options

MOST_POINTS = 4000
"""Requests drawn: of more, the median of every few neighbours, and the worst of them so that no spike is lost."""
MOST_SOURCES = len(COLOURS)
_PANELS = {
    "frequency": "clock",
    "memory_frequency": "clock",
    "temperature": "temperature",
    "power": "power",
    "power_total": "power",
    "load": "load",
    "load_average_1min": "load average",
}
"""Quantities that are drawn, and in which panel; panels in this order from the top."""


def draw_timeline(runs: pd.DataFrame, store: Path, options: Options) -> Drawn:
    """Seconds since the run started. Raises FigureError unless exactly one run with samples is selected,
    BrokenRunError for files of it that cannot be read."""
    import pandas as pd

    table = runs[runs["median_ms"].notna()]
    if len(table) != 1:
        raise FigureError(f"{len(table)} runs with samples are selected, and this figure shows one; name it with --run")
    (row,) = rows_of(table)
    folder = store / row["path"]
    run = StoredRun(folder, read_record(folder))
    latencies, readings = _latencies(run), _readings(run)
    panels = [name for name in dict.fromkeys(_PANELS.values()) if (readings["panel"] == name).any()]
    figure, axes = _grid(len(panels), options)
    axes[0].set_title(plain(CaseKey.of_row(row).label(), 90), loc="left")
    _draw_latencies(axes[0], latencies)
    for one, name in zip(axes[1:], panels, strict=True):
        _draw_readings(one, readings[readings["panel"] == name])
    _mark_sustained(axes, run.record)
    axes[-1].set_xlabel("seconds since the run started")
    data = pd.concat([latencies, readings.drop(columns="panel")], ignore_index=True)
    data.insert(0, "run_id", row["run_id"])
    return Drawn(figure, data)


def _grid(telemetry_panels: int, options: Options) -> tuple[Figure, list[Axes]]:
    ratios = [2.0] + [1.0] * telemetry_panels
    figure = new_figure(COLUMN_WIDTH_IN[options.width], 0.5 + 1.0 * sum(ratios))
    grid = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios})
    return figure, [axes for (axes,) in grid]


def _latencies(run: StoredRun) -> pd.DataFrame:
    """Columns time_s, source, quantity, value, unit; quantity is latency or warm-up, source the round."""
    import pandas as pd

    begins = {one.index: _begin_s(run.record, one) for one in run.record.rounds}
    frames = [
        pd.DataFrame(
            {
                "time_s": begins[block.round] + block.start_ns / 1e9,
                "source": f"round {block.round + 1}",
                "quantity": "warm-up" if block.warmup else "latency",
                "value": block.latency_ns / NS_PER_MS,
                "unit": "ms",
            }
        )
        for block in run.samples()
        if len(block) and block.round in begins
    ]
    if not frames:
        raise FigureError(f"the samples of the run {run.record.run_id} are not in the store")
    whole = sum(map(len, frames))
    table: pd.DataFrame = pd.concat(
        [_thinned(frame, math.ceil(whole / MOST_POINTS)) for frame in frames], ignore_index=True
    )
    return table


def _begin_s(record: RunRecord, one: RoundRecord) -> float:
    """When the clock of a round's samples was 0, in seconds since the run started.

    The worker states it by its own wall clock, which is another machine's where the device is: then the host's time of
    the round's start is nearer the truth, late only by what the process needed to start.
    """
    by_host = (one.started_at - record.started_at).total_seconds()
    clock = one.facts.get("clock")
    origin_ns = clock.get("origin_unix_ns") if isinstance(clock, dict) else None
    if record.device.transport != "local" or not isinstance(origin_ns, (int, float)):
        return by_host
    begin_s = origin_ns / 1e9 - record.started_at.timestamp()
    # A clock that was set meanwhile, or a file that somebody wrote.
    return begin_s if 0 <= begin_s <= (record.ended_at - record.started_at).total_seconds() else by_host


def _thinned(frame: pd.DataFrame, every: int) -> pd.DataFrame:
    """Of each `every` neighbours the median one and the slowest."""
    if every <= 2:
        return frame
    import numpy as np

    values = frame["value"].to_numpy()
    kept: set[int] = set()
    for start in range(0, len(frame), 2 * every):
        part = values[start : start + 2 * every]
        order = np.argsort(part, kind="stable")
        kept |= {start + int(order[order.size // 2]), start + int(order[-1])}
    thinned: pd.DataFrame = frame.iloc[sorted(kept)]
    return thinned


def _readings(run: StoredRun) -> pd.DataFrame:
    """Columns time_s, source, quantity, value, unit, panel: of the quantities that have one."""
    import pandas as pd

    telemetry = run.telemetry()
    columns: dict[str, Any] = {name: [] for name in ("time_s", "source", "quantity", "value", "unit")}
    if telemetry is not None:
        columns = {
            "time_s": telemetry.time_ns / 1e9,
            "source": telemetry.source,
            "quantity": telemetry.quantity,
            "value": telemetry.value,
            "unit": telemetry.unit,
        }
    frame = pd.DataFrame(columns)
    frame["panel"] = frame["quantity"].map(_PANELS)
    known: pd.DataFrame = frame[frame["panel"].notna()].sort_values(["source", "quantity", "time_s"], kind="stable")
    return known


def _draw_latencies(axes: Axes, latencies: pd.DataFrame) -> None:
    for quantity, colour, dot, words in (("warm-up", ORANGE, "x", "warm-up"), ("latency", BLUE, ".", "sampled")):
        part = latencies[latencies["quantity"] == quantity]
        axes.plot(
            part["time_s"], part["value"], dot, markersize=2, color=colour, label=words, rasterized=len(part) > 2000
        )
    for source, part in latencies.groupby("source", sort=False):
        axes.axvline(part["time_s"].min(), color="0.85", linewidth=0.6, zorder=0)
        axes.annotate(
            str(source),
            (part["time_s"].min(), 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, -1),
            textcoords="offset points",
            va="top",
            fontsize=6,
            color=GREY,
        )
    axes.set_ylabel("latency, ms")
    axes.set_ylim(bottom=0, top=1.12 * latencies["value"].max())
    _add_legend(axes)


def _add_legend(axes: Axes) -> None:
    axes.legend(loc="lower right", ncols=2, fontsize=6.5, markerscale=2)


def _mark_sustained(axes: list[Axes], record: RunRecord) -> None:
    """Of a run of fixed time: the level at its end, and when it first slowed down, through all panels."""
    sustained = record.summary.sustained if record.summary is not None else None
    if sustained is None:
        return
    begin_s = _begin_s(record, record.rounds[0])
    axes[0].axhline(sustained.end_ms, color=GREY, linewidth=0.8, linestyle="--", label="level at the end")
    _add_legend(axes[0])
    moments = ((sustained.slower_after_s, "slower"), (sustained.clock_fell_after_s, "clock fell"))
    for after_s, words in moments:
        if after_s is None:
            continue
        for one in axes:
            one.axvline(begin_s + after_s, color=COLOURS[1], linewidth=0.8, linestyle=":")
        # Above the legend and below the latencies; towards the middle, so that a late moment's words stay inside.
        late = after_s > sustained.length_s / 2
        axes[0].annotate(
            f"{words} after {after_s:.0f} s",
            (begin_s + after_s, 0.3 if words == "slower" else 0.4),
            xycoords=("data", "axes fraction"),
            xytext=(-3 if late else 3, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            fontsize=6,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )


def _draw_readings(axes: Axes, readings: pd.DataFrame) -> None:
    """One line a sensor; of too many, the thin grey lines of all and no names."""
    series = list(readings.groupby(["source", "quantity"], sort=False))
    named = len(series) <= MOST_SOURCES
    quantities = set(readings["quantity"])
    for index, ((source, quantity), part) in enumerate(series):
        axes.plot(
            part["time_s"],
            part["value"],
            drawstyle="steps-post",
            color=COLOURS[index] if named else GREY,
            linestyle=LINES[index] if named else "-",
            linewidth=1.0 if named else 0.5,
            label=plain(f"{source}{f' {quantity}' if len(quantities) > 1 else ''}".replace("_", " "), 24),
        )
    units = sorted(set(readings["unit"]))
    axes.set_ylabel(
        "\n".join(plain(words, 20) for words in (readings["panel"].iloc[0], "/".join(units).replace("C", "°C")))
    )
    if named:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=6)
    else:
        axes.annotate(
            f"{len(series)} sensors", (1.0, 1.0), xycoords="axes fraction", ha="right", va="top", fontsize=6, color=GREY
        )
