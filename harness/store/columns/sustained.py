"""What is left of the speed under load without a pause."""

from __future__ import annotations

from typing import Any

from latency_bench.harness.store.columns.column import Column

_FIELD = "summary.sustained"


def _first(slower_after_s: Any, clock_fell_after_s: Any) -> Any:
    return min((after for after in (slower_after_s, clock_fell_after_s) if after is not None), default=None)


COLUMNS = (
    Column(
        "sustained_ms",
        "Median latency of the last fifth of a run of fixed time (`--protocol sustained`); null for others.",
        "number",
        (f"{_FIELD}.end_ms",),
        title="sustained latency",
        unit="ms",
        short="sustained",
        better="lower",
        pooled="median",
    ),
    Column(
        "throttled_after_s",
        "When the latency of such a run first rose, or the clock first fell, by 5 %; null where neither did.",
        "number",
        (f"{_FIELD}.slower_after_s", f"{_FIELD}.clock_fell_after_s"),
        _first,
        title="time to the first throttling",
        unit="s",
        better="higher",
        pooled="median",
    ),
)
