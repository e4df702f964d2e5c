"""A pair over time: what each side took, and their ratio, which shows what pairing removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latency_bench.harness.number_text import ratio_with_interval
from latency_bench.harness.store.reader import StoredPair
from latency_bench.harness.units import NS_PER_MS
from latency_bench.reports.plots.style import (
    COLOURS,
    COLUMN_WIDTH_IN,
    GREY,
    LINES,
    Drawn,
    FigureError,
    new_figure,
    plain,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from latency_bench.harness.store.pair_record import PairRecord

_HEIGHT_IN = 3.6
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DOTS = (".", "x", "+", "1", "|", "_", "2")
"""By side, in both panels: small marks that are told apart without colour."""


def draw_pair(pair: StoredPair) -> Drawn:
    """Above each side's latency over its own median, one point a block; below the ratio of every block.

    Raises FigureError for a pair without a ratio, BrokenRunError for samples that cannot be read.
    """
    record = pair.record
    if not record.ratios:
        raise FigureError(f"there is nothing to draw: the pair {record.run_id} failed")
    if len(record.sides) > len(_LETTERS):
        raise FigureError(f"{len(record.sides)} sides are too many for one figure")
    blocks = block_latencies(pair)
    figure = new_figure(COLUMN_WIDTH_IN["double"], _HEIGHT_IN)
    latencies, ratios = figure.subplots(2, 1, sharex=True)
    names = " against ".join(side.model.id for side in record.sides)
    latencies.set_title(plain(f"{names}, {record.device.name}", 90), loc="left")
    for number, letter in enumerate(_LETTERS[: len(record.sides)]):
        mine = blocks[blocks["side"] == letter]
        relative = mine["latency_ms"] / mine["latency_ms"].median()
        colour, dot = COLOURS[number % len(COLOURS)], _DOTS[number % len(_DOTS)]
        latencies.plot(mine["time_s"], relative, dot, color=colour, markersize=3, label=letter)
    latencies.set_ylabel("latency over\nits median")
    latencies.legend(loc="upper right", ncols=len(record.sides))
    for one in record.ratios:
        _draw_ratio(ratios, blocks, record, one.side)
    ratios.set_ylabel("ratio of\nneighbours")
    ratios.set_xlabel("seconds since the first process pair began")
    return Drawn(figure, blocks)


def block_latencies(pair: StoredPair) -> pd.DataFrame:
    """One row a block and side: run_id, pair (from 1), block, side (a letter), time_s, latency_ms (the median of what
    counts), ratio (to the first side's, 1 for itself)."""
    import numpy as np
    import pandas as pd

    record = pair.record
    began = record.pairs[0].started_at
    rows = []
    for part in pair.samples():
        if part.warmup:
            continue
        offset_s = (record.pairs[part.pair].started_at - began).total_seconds()
        for block in np.unique(part.block[part.kept]):
            mine = part.kept & (part.block == block)
            rows.append(
                {
                    "run_id": record.run_id,
                    "pair": part.pair + 1,
                    "block": int(block),
                    "side": _LETTERS[part.side],
                    "time_s": offset_s + float(part.start_ns[mine][0]) / 1e9,
                    "latency_ms": float(np.median(part.latency_ns[mine])) / NS_PER_MS,
                }
            )
    table: pd.DataFrame = pd.DataFrame(rows)
    first = table[table["side"] == "A"].set_index(["pair", "block"])["latency_ms"]
    keys = pd.MultiIndex.from_frame(table[["pair", "block"]])
    table["ratio"] = table["latency_ms"].to_numpy() / first.reindex(keys).to_numpy()
    return table


def _draw_ratio(axes: Axes, blocks: pd.DataFrame, record: PairRecord, side: int) -> None:
    colour, estimate = COLOURS[side % len(COLOURS)], record.ratios[side - 1]
    mine = blocks[blocks["side"] == _LETTERS[side]]
    axes.plot(mine["time_s"], mine["ratio"], _DOTS[side % len(_DOTS)], color=colour, markersize=3, alpha=0.6)
    if estimate.low is not None and estimate.high is not None:
        axes.axhspan(estimate.low, estimate.high, color=colour, alpha=0.25, linewidth=0)
    figures = ratio_with_interval(estimate.ratio, estimate.low, estimate.high)
    line = LINES[(side - 1) % len(LINES)]
    words = plain(f"{_LETTERS[side]} / A = {figures}, {estimate.verdict}", 80)
    axes.axhline(estimate.ratio, color=colour, linestyle=line, linewidth=1.0, label=words)
    axes.axhline(1.0, color=GREY, linewidth=0.6, linestyle=":")
    axes.legend(loc="upper right")
