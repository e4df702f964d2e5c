"""How many images a second."""

from __future__ import annotations

from latency_bench.harness.store.columns.column import Column

COLUMNS = (
    Column(
        "img_s",
        "batch / median latency, images per second.",
        "number",
        ("summary.throughput.img_s",),
        title="batch / latency",
        unit="images/s",
        better="higher",
        pooled="median",
    ),
    Column(
        "throughput_img_s",
        "Images per wall second with `streams` requests in flight; null where not measured.",
        "number",
        ("summary.throughput_measured.img_s",),
        title="throughput",
        unit="images/s",
        short="throughput",
        better="higher",
        pooled="median",
    ),
    Column(
        "streams",
        "Requests in flight while throughput was measured.",
        "integer",
        ("summary.throughput_measured.streams",),
        title="requests in flight",
    ),
    Column(
        "round_throughputs_img_s",
        "That throughput of every round, a list.",
        "numbers",
        ("summary.throughput_measured.round_img_s",),
        title="rounds' throughputs",
        unit="images/s",
    ),
)
