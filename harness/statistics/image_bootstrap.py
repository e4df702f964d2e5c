"""How sure a metric over images is: images drawn again with replacement (Efron, Annals of Statistics 7, 1979).

Every metric is a function of sums over images, so that a draw is a row of weights times the table of counts. Two
artifacts on the same images get the same draws: what one image does to both is not in their difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from latency_bench.harness.statistics.image_metrics import Counts, Metrics

DRAWS = 2000
CONFIDENCE = 0.95
_MOST_WEIGHTS = 4_000_000
"""Held in memory at once."""


class Sureness(NamedTuple):
    """A metric and its percentile interval."""

    value: float
    low: float
    high: float


def bootstrap(counts: Counts, metrics: Metrics, seed: int = 0) -> dict[str, Sureness]:
    """`counts`: (images, columns). Raises ValueError for no image."""
    drawn = metrics(_drawn_sums(counts, seed))
    return {name: _around(float(value), drawn[name]) for name, value in metrics(counts.sum(0)).items()}


def bootstrap_difference(a: Counts, b: Counts, metrics: Metrics, seed: int = 0) -> dict[str, Sureness]:
    """B less A, both of the same images in the same order. Raises ValueError where their shapes differ."""
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} images of one side, and {len(b)} of the other")
    in_a, in_b = metrics(a.sum(0)), metrics(b.sum(0))
    drawn_a, drawn_b = drawn_metrics([a, b], metrics, seed)
    return {name: _around(float(in_b[name] - in_a[name]), drawn_b[name] - drawn_a[name]) for name in in_a}


def drawn_metrics(tables: Sequence[Counts], metrics: Metrics, seed: int = 0) -> list[dict[str, Counts]]:
    """Of several artifacts on the same images, each metric of every draw: the same draws for all of them, made once.

    Raises ValueError where their shapes differ.
    """
    if len({table.shape for table in tables}) > 1:
        raise ValueError("these counts are not of the same images and metrics")
    sums = _drawn_sums(np.concatenate(tables, axis=1), seed)
    return [metrics(part) for part in np.split(sums, len(tables), axis=1)]


def interval_of(drawn: Counts) -> tuple[float, float]:
    """The middle of these draws, by percentiles."""
    ends = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [ends, 1 - ends])
    return float(low), float(high)


def _drawn_sums(counts: Counts, seed: int) -> Counts:
    images = len(counts)
    if images == 0:
        raise ValueError("no image was scored")
    random = np.random.RandomState(seed)
    at_once = max(1, _MOST_WEIGHTS // images)
    sums = [
        random.multinomial(images, np.full(images, 1 / images), size=min(at_once, DRAWS - start)).astype(float) @ counts
        for start in range(0, DRAWS, at_once)
    ]
    return np.concatenate(sums)


def _around(value: float, drawn: Counts) -> Sureness:
    return Sureness(value, *interval_of(drawn))
