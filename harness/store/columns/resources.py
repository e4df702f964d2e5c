"""What a run took besides time: memory and energy."""

from __future__ import annotations

from latency_bench.harness.store.columns.column import Column

COLUMNS = (
    Column(
        "peak_rss_bytes",
        "Largest resident set of the rounds' processes.",
        "integer",
        ("summary.peak_rss_bytes",),
        title="peak memory",
        unit="bytes",
        short="peak_rss",
        better="lower",
        pooled="largest",
    ),
    Column(
        "joules_per_image",
        "From the device's power rails; null where they could not be read.",
        "number",
        ("summary.energy.joules_per_image",),
        title="energy an image",
        unit="J",
        short="energy",
        better="lower",
        pooled="median",
    ),
)
