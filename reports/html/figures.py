"""What the page's figures are drawn from, made by the same functions as the printed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latency_bench.reports.attention_points import attention_points, place_words
from latency_bench.reports.plots.family_looks import family_name, look_of
from latency_bench.reports.plots.trade_off_points import trade_off_points
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.reports.measured_accuracies import MeasuredAccuracies
    from latency_bench.reports.papers.paper import Paper

_TRADE_OFF = (
    *("panel", "dataset", "label", "family", "speed", "low", "high", "unit", "basis", "accuracy", "accuracy_low"),
    *("accuracy_high", "metric"),
    *("accuracy_from", "frontier", "on_front", "status", "run_id"),
)
_ATTENTION = ("label", "tokens", "median_ms", "low_ms", "high_ms", "status", "run_id")


def figure_data(runs: pd.DataFrame, paper: Paper, accuracies: MeasuredAccuracies) -> dict[str, Any]:
    """`trade_off`: speed against accuracy; `attention`: latency against tokens. Rows, one a point. `families`: what
    legends call each family of a run; `looks`: by that name its colour and mark, numbers of plots/style.py."""
    families = {family if isinstance(family, str) else "" for family in runs["family"].drop_duplicates().tolist()}
    names = {family: family_name(family) for family in sorted(families)}
    tables = [table for table in paper.tables if table.accuracy]
    looks = {name: look_of(name) for name in names.values()}
    return {
        "families": names,
        "looks": {name: {"colour": look.colour_number, "mark": look.marker_number} for name, look in looks.items()},
        "trade_off": [
            {name: row[name] for name in _TRADE_OFF}
            for speed in ("latency", "throughput")
            for row in rows_of(trade_off_points(runs, speed, tables, measured=accuracies))
        ],
        "attention": [
            {
                **{name: row[name] for name in _ATTENTION},
                "conditions": place_words(row),
                "shape": f"{row['scope']}, {row['heads']} heads of {row['head_dim']}{_times(row['repeats'])}",
            }
            for row in rows_of(attention_points(runs))
            if row["fits"]
        ],
    }


def _times(repeats: int) -> str:
    return "" if repeats == 1 else f", {repeats} times"
