"""Samples and readings in few numbers: what a page can carry of a run that has a million of them. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.telemetry_table import Telemetry
from latency_bench.harness.units import NS_PER_MS

MOST_QUANTILES = 101
MOST_BINS = 240
"""Of a run's requests over time, all rounds together."""
MOST_READINGS = 120
"""Of one sensor."""
MOST_SENSORS = 24
_DIGITS = 6


def quantiles_ms(blocks: Sequence[StageSamples]) -> list[float]:
    """The empirical distribution of all rounds' latencies: at most 101 quantiles, equally spaced from least to largest.

    Each is a value that was measured (`inverted_cdf`: definition 1 of Hyndman and Fan, The American Statistician 50,
    1996), so that the page draws nothing between two modes that nobody saw. Empty without samples.
    """
    sampled = [block.latency_ns for block in blocks if not block.warmup and len(block)]
    if not sampled:
        return []
    values = np.concatenate(sampled)
    levels = np.linspace(0, 1, min(MOST_QUANTILES, values.size))
    return _short(np.quantile(values, levels, method="inverted_cdf") / NS_PER_MS)


def over_time(blocks: Sequence[StageSamples]) -> list[dict[str, Any]]:
    """Latency in the order of the requests, warm-up included: one entry a block of samples with `round`, `warmup` and
    the columns `request` (middle of the bin, counted through the run from 0), `median_ms`, `min_ms`, `max_ms`.

    A bin is a number of consecutive requests, one where there are few.
    """
    present = [block for block in blocks if len(block)]
    bins_each = max(4, MOST_BINS // max(1, len(present)))
    entries, first = [], 0
    for block in present:
        bins = _bins(block.latency_ns, min(bins_each, len(block)))
        numbers = _bins(np.arange(first, first + len(block)), min(bins_each, len(block)))
        entries.append(
            {
                "round": block.round,
                "warmup": block.warmup,
                "request": [float(middle) for middle in _of_each(numbers, np.mean)],
                "median_ms": _short(_of_each(bins, np.median) / NS_PER_MS),
                "min_ms": _short(_of_each(bins, np.min) / NS_PER_MS),
                "max_ms": _short(_of_each(bins, np.max) / NS_PER_MS),
            }
        )
        first += len(block)
    return entries


def sensors(telemetry: Telemetry) -> tuple[list[dict[str, Any]], int]:
    """Readings by sensor with `source`, `quantity`, `unit` and the columns `time_s` (since the run started) and
    `value`, means of consecutive readings where there are many; and how many sensors were left out.
    """
    rows: dict[tuple[str, str, str], list[int]] = {}
    for row, key in enumerate(zip(telemetry.quantity, telemetry.source, telemetry.unit, strict=True)):
        rows.setdefault(key, []).append(row)
    kept = sorted(rows)[:MOST_SENSORS]
    entries = []
    for quantity, source, unit in kept:
        of_sensor = np.array(rows[quantity, source, unit])
        of_sensor = of_sensor[np.argsort(telemetry.time_ns[of_sensor], kind="stable")]
        finite = of_sensor[np.isfinite(telemetry.value[of_sensor])]
        bins = min(MOST_READINGS, finite.size)
        entries.append(
            {
                "source": source,
                "quantity": quantity,
                "unit": unit,
                "time_s": _short(_of_each(_bins(telemetry.time_ns[finite], bins), np.mean) / 1e9),
                "value": _short(_of_each(_bins(telemetry.value[finite], bins), np.mean)),
            }
        )
    return entries, len(rows) - len(kept)


def _bins(values: NDArray[Any], count: int) -> list[NDArray[Any]]:
    """Consecutive values in `count` bins whose sizes differ by one at most, as [bins, size] for each size."""
    if not count:
        return []
    size, larger = divmod(values.size, count)
    split = larger * (size + 1)
    return [values[:split].reshape(larger, size + 1), values[split:].reshape(count - larger, size)]


def _of_each(bins: list[NDArray[Any]], function: Callable[..., Any]) -> NDArray[np.float64]:
    """One number a bin, in their order."""
    found = [function(part, axis=1) for part in bins if part.size]
    return np.concatenate(found).astype(np.float64) if found else np.array([])


def _short(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values]
