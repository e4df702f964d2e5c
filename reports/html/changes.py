"""The changes of level in the histories of all cases, for the page's history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from latency_bench.harness.statistics.change_points import LEAST_RUNS
from latency_bench.reports.history.build import History, build_history
from latency_bench.reports.history.commit_chain import chain_of
from latency_bench.reports.history.run_series import series_of
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.reader import StoredPair

_READ = (
    "run_id",
    "path",
    "started_at",
    "median_ms",
    "low_ms",
    "high_ms",
    "status",
    "commit",
    "round_samples",
    "conditions",
)


def changes_by_run(runs: pd.DataFrame, pairs: Iterable[StoredPair] = ()) -> dict[str, dict[str, Any]]:
    """By the id of the first run at a new level: `ratio` with its interval, whether it is for the worse, and in `text`
    what else changed there. Of cases with enough runs."""
    from latency_bench.harness.identity.case_key import CASE_COLUMNS

    if runs.empty:
        return {}
    measured = runs[runs["median_ms"].notna()]
    counts = measured.groupby(list(CASE_COLUMNS), dropna=False)["run_id"].transform("size")
    columns = list(dict.fromkeys([*_READ, *CASE_COLUMNS]))
    known = list(pairs)
    found: dict[str, dict[str, Any]] = {}
    for series in series_of(rows_of(measured.loc[counts >= LEAST_RUNS, columns])):
        of_device = [pair for pair in known if pair.record.device.name == series.key.setting.device]
        found |= _of_history(build_history(series, chain_of(of_device, series.key)))
    return found


def _of_history(history: History) -> dict[str, dict[str, Any]]:
    return {
        history.series.runs[change.place].run_id: {
            "ratio": change.change.ratio,
            "low": change.change.low,
            "high": change.change.high,
            "slower": change.is_slower,
            "text": "; ".join(
                [text for mark in change.marks for text in mark.texts()]
                + ([cause] if (cause := change.cause()) else [])
            ),
        }
        for change in history.changes
    }
