"""How latencies are distributed: the share of requests that took at most so long (ECDF), one line a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.store.reader import StoredRun, read_record
from latency_bench.harness.units import NS_PER_MS
from latency_bench.reports.plots.style import COLOURS, COLUMN_WIDTH_IN, LINES, Drawn, FigureError, new_figure, plain
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from latency_bench.reports.plots.kinds import Options

MOST_RUNS = len(COLOURS)
MOST_STEPS = 500
"""Points a line is drawn with: of more samples, evenly spaced order statistics, never another value."""
_SHOWN_UP_TO = 0.99


def draw_distribution(runs: pd.DataFrame, store: Path, options: Options) -> Drawn:
    """Samples of all rounds of each run, without warm-up. Raises FigureError for no run with samples, or too many,
    BrokenRunError for samples that cannot be read."""
    import pandas as pd

    table = runs[runs["median_ms"].notna()]
    if table.empty:
        raise FigureError("there is nothing to draw: none of the selected runs has samples")
    if len(table) > MOST_RUNS:
        raise FigureError(
            f"{len(table)} runs are too many lines for one figure (at most {MOST_RUNS}); choose some with --run"
        )
    rows = rows_of(table)
    frames = [_steps(row, store) for row in rows]
    figure = new_figure(COLUMN_WIDTH_IN[options.width], 2.6 + 0.16 * len(rows))
    axes = figure.subplots()
    for index, (row, frame) in enumerate(zip(rows, frames, strict=True)):
        axes.step(
            frame["latency_ms"],
            frame["share"],
            where="post",
            color=COLOURS[index],
            linestyle=LINES[index],
            linewidth=1.2,
            label=plain(_name(row), 64 if options.width == "single" else 110),
        )
    low = min(frame["latency_ms"].iloc[0] for frame in frames)
    high = max(_up_to(frame) for frame in frames)
    # The slowest hundredth may be far away; what is cut off is said.
    axes.set_xlim(low - 0.02 * (high - low or low), high + 0.03 * (high - low or low))
    axes.set_ylim(0, 1.005)
    axes.set_xlabel("latency, ms (up to the 99th percentile)")
    axes.set_ylabel("share of requests")
    axes.grid(color="0.92", linewidth=0.5)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", fontsize=6, ncols=1)
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def _steps(row: dict[str, Any], store: Path) -> pd.DataFrame:
    """Columns run_id, name, latency_ms, share: the corners of one line."""
    import numpy as np
    import pandas as pd

    folder = store / row["path"]
    blocks = StoredRun(folder, read_record(folder)).samples()
    sampled = [block.latency_ns for block in blocks if not block.warmup]
    if not sampled:
        raise FigureError(f"the samples of the run {row['run_id']} are not in the store")
    values: npt.NDArray[np.float64] = np.sort(np.concatenate(sampled)) / NS_PER_MS
    ranks = np.unique(np.linspace(1, values.size, min(values.size, MOST_STEPS)).round().astype(int))
    steps: pd.DataFrame = pd.DataFrame(
        {
            "run_id": row["run_id"],
            "name": _name(row),
            "latency_ms": values[ranks - 1],
            "share": ranks / values.size,
        }
    )
    return steps


def _up_to(frame: pd.DataFrame) -> float:
    inside = frame["latency_ms"][frame["share"] <= _SHOWN_UP_TO]
    return float(inside.iloc[-1] if len(inside) else frame["latency_ms"].iloc[-1])


def _name(row: dict[str, Any]) -> str:
    unsettled = " (never settled)" if row["status"] == "unstable" else ""
    return f"{CaseKey.of_row(row).label()}, {row['run_id'][-6:]}{unsettled}"
