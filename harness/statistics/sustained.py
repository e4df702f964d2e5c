"""What is left of the speed under load without a pause: where it started, where it ended, and when it began to fall.

Latencies are looked at in blocks of equal time, so that a slow stretch counts by how long it lasts and not by how few
requests it had room for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latency_bench.harness.statistics.order_statistics import Floats
from latency_bench.harness.statistics.throttling import LEAST_DROP, LEAST_READINGS, SHORT_WINDOW

MOST_BLOCKS = 60
"""Ten minutes in blocks of ten seconds."""
_LEAST_BLOCKS = 10
_START_REQUESTS = 5
_START_SHARE = 1 / 30
_END_SHARE = 1 / 5
SETTLED_WITHIN = 0.03
"""The level counts as steady where the last fifth of the time differs from the fifth before by less."""


@dataclass(frozen=True)
class SustainedUse:
    """Times in seconds since the first request; levels in the unit of the latencies."""

    length_s: float
    start: float
    """Median of the first thirtieth of the time."""
    end: float
    """Median of the last fifth."""
    is_steady: bool
    """Whether that level had been reached a fifth of the time earlier already."""
    slower_after_s: float | None
    """When the latency first stayed above the start by `LEAST_DROP`, for two blocks; None: never."""


def sustained_use(start_s: Floats, latency: Floats) -> SustainedUse | None:
    """`start_s`: when each request began, shape [n], ascending. None where there are too few requests to tell."""
    since_s = np.asarray(start_s, dtype=np.float64) - float(start_s[0]) if len(start_s) else np.zeros(0)
    # Of a tool whose samples are medians of many inferences there are few, and one a block is enough.
    blocks = min(MOST_BLOCKS, len(since_s))
    if blocks < _LEAST_BLOCKS or since_s[-1] <= 0:
        return None
    length_s = float(since_s[-1])
    values = np.asarray(latency, dtype=np.float64)
    first = min(_START_REQUESTS, len(since_s) // _LEAST_BLOCKS)
    early = values[since_s <= max(length_s * _START_SHARE, since_s[first - 1])]
    late = values[since_s >= length_s * (1 - _END_SHARE)]
    before = values[(since_s >= length_s * (1 - 2 * _END_SHARE)) & (since_s < length_s * (1 - _END_SHARE))]
    start, end = float(np.median(early)), float(np.median(late))
    steady = len(before) > 0 and abs(float(np.median(before)) - end) <= SETTLED_WITHIN * end
    return SustainedUse(length_s, start, end, steady, _first_slower(since_s, values, start, blocks))


def clock_fell_after(time_s: Floats, clock: Floats) -> float | None:
    """When the clock first lay below its best by `LEAST_DROP`, in the time of `time_s`; None where it never did, or was
    read too rarely to tell. Single dips do not count: of every five readings the median is taken."""
    values = np.asarray(clock, dtype=np.float64)
    if len(values) < LEAST_READINGS:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(values, SHORT_WINDOW)
    smooth = np.median(windows, axis=1)
    limit = (1 - LEAST_DROP) * float(np.max(smooth))
    reached = int(np.argmax(smooth >= limit))
    below = np.flatnonzero(smooth[reached:] < limit)
    if len(below) == 0:
        return None
    # The median of a window turns when its third reading has: that one's time is the moment.
    return float(time_s[reached + int(below[0]) + SHORT_WINDOW // 2])


def _first_slower(since_s: Floats, values: Floats, start: float, blocks: int) -> float | None:
    edges = np.linspace(0.0, float(since_s[-1]), blocks + 1)
    place = np.minimum(np.searchsorted(edges, since_s, side="right") - 1, blocks - 1)
    filled = [index for index in range(blocks) if np.any(place == index)]
    slower = [float(np.median(values[place == index])) > start * (1 + LEAST_DROP) for index in filled]
    for index, block in enumerate(filled):
        if slower[index] and all(slower[index : index + 2]):
            return float(edges[block])
    return None
