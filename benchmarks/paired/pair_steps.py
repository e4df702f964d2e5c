"""A pair as a result of a benchmark: measured by the project's own means, kept in a store, and told in figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from measured_steps import Effort, Result

from latency_bench.harness.cli.pair import pair_request
from latency_bench.harness.cli.progress import ProgressLine
from latency_bench.harness.pairs.pair_run import measure_pair
from latency_bench.harness.store.pair_record import Interval, PairRecord

CLASSIFIER = "b1-cls-r224"
SEGMENTATION = "b1-seg"
SEGMENTATION_SIZE = "512x1024"
COMMAND = ("python", "benchmarks/paired/all.py")


def measured_pair(
    sides: Sequence[str], effort: Effort, *, minutes: float | None = None, within: float = 0.01, seed: int = 0
) -> PairRecord:
    """Sides as `bench pair` takes them, on this computer with one thread. Raises RuntimeError where it fails."""
    request = pair_request(
        sides,
        within=within,
        max_minutes=effort.minutes if minutes is None else minutes,
        seed=seed,
        device_name="local",
        threads=1,
    )
    with ProgressLine() as progress:
        record, path = measure_pair(request, effort.store, COMMAND, progress, wait=True)
    if record.failure is not None:
        raise RuntimeError(f"{record.failure.stage}: {record.failure.message} ({path})")
    return record


def figures(record: PairRecord) -> Result:
    """What tables need of a pair."""
    ratio = record.ratios[0]
    return {
        "ratio": ratio.ratio,
        "low": ratio.low,
        "high": ratio.high,
        "verdict": ratio.verdict,
        "pairs": ratio.process_pairs,
        "minutes": record.seconds / 60,
        "latencies_ms": [side.summary.latency.median_ms for side in record.sides if side.summary is not None],
        "flags": [flag.name for flag in record.flags],
        "run_id": record.run_id,
    }


def width(result: Result) -> float:
    """Of the interval, from end to end, over the ratio; infinite without one."""
    if result["low"] is None:
        return float("inf")
    return float((result["high"] - result["low"]) / result["ratio"])


def words(result: Result | Interval | None) -> str:
    """`1.031 (1.027 to 1.036)`."""
    if result is None:
        return "-"
    fields: Any = result if isinstance(result, dict) else result.model_dump()
    ends = "" if fields["low"] is None else f" ({fields['low']:.4f} to {fields['high']:.4f})"
    return f"{fields['ratio']:.4f}{ends}"


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
