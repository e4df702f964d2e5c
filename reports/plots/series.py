"""Lines over a swept quantity: throughput against batch, latency against resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.workload import Workload
from latency_bench.reports.plots.looks_legend import HOLLOW
from latency_bench.reports.plots.plot_selection import latest
from latency_bench.reports.plots.style import (
    COLOURS,
    COLUMN_WIDTH_IN,
    MARKERS,
    RED,
    Drawn,
    FigureError,
    Marker,
    log_axis,
    new_figure,
    plain,
)
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latency_bench.reports.evidence import Run
    from latency_bench.reports.plots.kinds import Options

MOST_SERIES = 14
BATCH_COLUMNS = ("series", "batch", "img_s", "low", "high", "throughput_img_s", "streams", "status", "run_id")
RESOLUTION_COLUMNS = (*("series", "size", "pixels", "latency_ms", "low", "high", "status", "failure_kind", "run_id"),)


def draw_batches(runs: pd.DataFrame, options: Options) -> Drawn:
    """Images per second against batch size, the latest run of each case, one line a model and setting that ran at
    several.

    Solid lines: batch over median latency, with the latency's interval. Dotted lines: measured with several requests in
    flight; no interval is stored of it. Raises FigureError for nothing to draw, or too many lines.
    """
    import pandas as pd

    rows = sorted((_batch_row(row) for row in rows_of(latest(runs))), key=lambda row: (row["series"], row["batch"]))
    data = _swept(pd.DataFrame(rows, columns=list(BATCH_COLUMNS)), "batch", "batch sizes")
    figure, axes = _figure(data, options)
    for index, (series, part) in enumerate(data.groupby("series", sort=False)):
        colour, marker = _look(index)
        _line(axes, part, "batch", "img_s", colour, marker, str(series))
        streamed = part[part["throughput_img_s"].notna()]
        axes.plot(
            streamed["batch"],
            streamed["throughput_img_s"],
            marker=".",
            color=colour,
            linestyle=":",
            linewidth=0.8,
            markersize=5,
        )
    batches = sorted(data["batch"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(batches, [str(batch) for batch in batches])
    axes.minorticks_off()
    axes.set_xlabel("batch, images a request")
    axes.set_ylabel("images per second")
    axes.set_ylim(bottom=0)
    words = ["dotted: several requests in flight"] if data["throughput_img_s"].notna().any() else []
    _legend(figure, axes, [*words, *_hollow_words(data)])
    return Drawn(figure, data)


def draw_resolutions(runs: pd.DataFrame, options: Options) -> Drawn:
    """Latency against input size on logarithmic axes, the latest run of each case, one line a model and setting that
    ran at several.

    A size that failed and has no number is a cross at the top, with the kind of the failure. Raises FigureError for
    nothing to draw, or too many lines.
    """
    import pandas as pd

    measured = [_resolution_row(row, _series_name(row, row)) for row in rows_of(latest(runs))]
    rows = sorted([*measured, *_failed_rows(runs)], key=lambda row: (row["series"], row["pixels"]))
    data = _swept(pd.DataFrame(rows, columns=list(RESOLUTION_COLUMNS)), "pixels", "resolutions")
    figure, axes = _figure(data, options)
    done = data[data["latency_ms"].notna()]
    for index, (series, part) in enumerate(data.groupby("series", sort=False)):
        colour, marker = _look(index)
        _line(axes, part[part["latency_ms"].notna()], "pixels", "latency_ms", colour, marker, str(series))
        _crosses(axes, part[part["latency_ms"].isna()], colour)
    axes.set_xscale("log")
    sizes = data.drop_duplicates("pixels").sort_values("pixels")
    axes.set_xticks(sizes["pixels"].to_list(), sizes["size"].to_list(), rotation=45 if len(sizes) > 4 else 0)
    axes.minorticks_off()
    axes.margins(x=0.08)
    if len(done):
        low, high = done["latency_ms"].min(), done["latency_ms"].max()
        axes.set_ylim(low / 1.3, high * (2.0 if len(done) < len(data) else 1.3))
        log_axis(axes, "y")
    axes.set_xlabel("input, height x width")
    axes.set_ylabel("latency, ms")
    words = ["cross: failed, no number"] if len(done) < len(data) else []
    _legend(figure, axes, [*words, *_hollow_words(data)])
    return Drawn(figure, data)


def _batch_row(row: Run) -> dict[str, Any]:
    low, high = (None if end is None else row["batch"] / end * 1e3 for end in (row["high_ms"], row["low_ms"]))
    return {
        "series": f"{_subject(row)} {row['height']}x{row['width']}, {Setting.of_row(row).label()}",
        "batch": row["batch"],
        "img_s": row["img_s"],
        "low": low,
        "high": high,
        "throughput_img_s": row["throughput_img_s"],
        "streams": row["streams"],
        "status": row["status"],
        "run_id": row["run_id"],
    }


def _resolution_row(row: Run, series: str) -> dict[str, Any]:
    return {
        "series": series,
        "size": f"{row['height']}x{row['width']}",
        "pixels": row["height"] * row["width"],
        "latency_ms": row["median_ms"],
        "low": row["low_ms"],
        "high": row["high_ms"],
        "status": row["status"],
        "failure_kind": row["failure_kind"],
        "run_id": row["run_id"],
    }


def _failed_rows(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Cases whose runs all failed, each in the series that it belongs to: a run that failed early may not know its
    runtime."""
    measured = rows_of(latest(runs))
    rows = []
    for failed in rows_of(latest(runs[runs["status"] == "failed"], failed=True)):
        setting, workload = Setting.of_row(failed), Workload.of_row(failed)
        fitting = [row for row in measured if Setting.of_row(row).explains(setting)]
        if any(Workload.of_row(row) == workload for row in fitting):
            continue
        sibling = next((row for row in fitting if _is_of_series(Workload.of_row(row), workload)), failed)
        rows.append(_resolution_row(failed, _series_name(failed, sibling)))
    return rows


def _is_of_series(workload: Workload, other: Workload) -> bool:
    """Whether they differ in their size at most."""
    return replace(workload, height=other.height, width=other.width) == other


def _series_name(row: Run, setting_from: Run) -> str:
    batch = "" if row["batch"] == 1 else f" batch {row['batch']}"
    return f"{_subject(row)}{batch}, {Setting.of_row(setting_from).label()}"


def _subject(row: Run) -> str:
    return Workload.of_row(row).subject()


def _swept(data: pd.DataFrame, quantity: str, words: str) -> pd.DataFrame:
    """The lines that have more than one place. Raises FigureError for none."""
    kept: pd.DataFrame = data[data.groupby("series")[quantity].transform("nunique") > 1]
    if kept.empty:
        raise FigureError(f"there is no line to draw: no selected model was run at several {words} in one setting")
    return kept


def _figure(data: pd.DataFrame, options: Options) -> tuple[Figure, Axes]:
    lines = data["series"].nunique()
    if lines > MOST_SERIES:
        raise FigureError(f"{lines} lines are too many for one figure (at most {MOST_SERIES}); select fewer models")
    figure = new_figure(COLUMN_WIDTH_IN[options.width], 2.6 + 0.15 * lines)
    axes = figure.subplots()
    axes.grid(color="0.92", linewidth=0.5)
    return figure, axes


def _look(index: int) -> tuple[str, Marker]:
    """Colour and marker of a line; no two have the same marker, so that they differ without colour."""
    return COLOURS[index % len(COLOURS)], MARKERS[index]


def _line(axes: Axes, part: pd.DataFrame, x: str, y: str, colour: str, marker: Marker, name: str) -> None:
    low, high = (part[end].astype(float).fillna(part[y]) for end in ("low", "high"))
    axes.errorbar(
        part[x],
        part[y],
        yerr=[part[y] - low, high - part[y]],
        marker=marker,
        linestyle="-",
        color=colour,
        linewidth=1.0,
        markersize=4.5,
        elinewidth=0.8,
        capsize=1.5,
        label=plain(name, 100),
    )
    unsteady = part[part["status"] == "unstable"]
    axes.plot(
        unsteady[x],
        unsteady[y],
        marker=marker,
        linestyle="none",
        color=colour,
        markerfacecolor="white",
        markersize=4.5,
        zorder=4,
    )


def _crosses(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    for row in rows_of(part):
        axes.plot(
            [row["pixels"]],
            [0.96],
            "x",
            color=colour,
            markeredgewidth=1.5,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
        )
        axes.annotate(
            plain(row["failure_kind"] or "failed", 24),
            (row["pixels"], 0.93),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            rotation=90,
            fontsize=6,
            color=RED,
        )


def _hollow_words(data: pd.DataFrame) -> list[str]:
    return [HOLLOW] if (data["status"] == "unstable").any() else []


def _legend(figure: Figure, axes: Axes, words: Sequence[str]) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower left",
        fontsize=6.5,
        title="; ".join(words) or None,
        title_fontsize=6.5,
        alignment="left",
    )
