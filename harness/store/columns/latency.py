"""How long a request took."""

from __future__ import annotations

from typing import Any

from latency_bench.harness.number_text import rounds_by_requests
from latency_bench.harness.store.columns.column import Column


def _round_medians(round_medians_ms: Any, median_ms: Any) -> list[Any]:
    """One round is its own median."""
    return list(round_medians_ms or ([] if median_ms is None else [median_ms]))


def _of_several_rounds(end: Any, rounds: Any) -> Any:
    """One round knows nothing of other processes; records from before that was settled have an interval of it."""
    return None if rounds == 1 else end


def _phase(name: str, title: str, meaning: str) -> Column:
    return Column(
        f"{name}_ms",
        meaning,
        "number",
        (f"summary.phases.{name}.median_ms",),
        title=title,
        unit="ms",
        better="lower",
        pooled="median",
    )


COLUMNS = (
    Column(
        "latency_covers",
        "What the latency is the time of; null for a failed run.",
        "text",
        ("summary.latency_covers",),
    ),
    Column(
        "median_ms",
        "Median latency of a request; of the rounds' medians where there are several.",
        "number",
        ("summary.latency.median_ms",),
        title="latency",
        unit="ms",
        short="latency",
        ends=("low_ms", "high_ms"),
        better="lower",
        pooled="median",
    ),
    Column(
        "low_ms",
        "Lower end of its interval; null where the rounds support none, as a single one does.",
        "number",
        ("summary.latency.low_ms", "summary.latency.rounds"),
        _of_several_rounds,
        title="latency, lower end",
        unit="ms",
    ),
    Column(
        "high_ms",
        "Upper end of its interval.",
        "number",
        ("summary.latency.high_ms", "summary.latency.rounds"),
        _of_several_rounds,
        title="latency, upper end",
        unit="ms",
    ),
    Column(
        "confidence",
        "Confidence of the interval of the latency.",
        "number",
        ("summary.latency.confidence", "summary.latency.rounds"),
        _of_several_rounds,
    ),
    Column("samples", "Number of samples, all rounds.", "integer", ("summary.latency.n",), pooled="sum"),
    Column("rounds", "Number of rounds.", "integer", ("summary.latency.rounds",), pooled="sum"),
    Column(
        "round_samples",
        "Sampled requests of every round, a list.",
        "integers",
        ("rounds.sample_count",),
        title="rounds × requests",
        written=rounds_by_requests,
        short="n",
    ),
    Column(
        "round_medians_ms",
        "Median of every round, a list; the unit that ratios' intervals are made from.",
        "numbers",
        ("summary.latency.round_medians_ms", "summary.latency.median_ms"),
        _round_medians,
        title="rounds' medians",
        unit="ms",
    ),
    _phase("decode", "decode", "Of a pipeline: median time of decoding the photograph's bytes; null elsewhere."),
    _phase("preprocess", "preprocess", "Of a pipeline: median time of resizing and normalising; null elsewhere."),
    _phase("h2d", "copy to the device", "Median time of the copy to the device; null where not measured."),
    _phase("compute", "compute", "Median time of the computation."),
    _phase("d2h", "copy back", "Median time of the copy back."),
    _phase("postprocess", "postprocess", "Of a pipeline: median time from the outputs to the answer; null elsewhere."),
)
