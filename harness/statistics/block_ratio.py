"""The log ratio of two models that took turns in one pair of live processes, from neighbours in time.

A block is one burst of A and one of B, directly after each other, in random order. What the machine does meanwhile (a
neighbour's load, clocks, heat) is nearly the same for both, and the difference of their logarithms is free of it. What
changes steadily over a block helps whoever comes second: blocks of both orders are therefore estimated apart and weigh
the same (a crossover design; Jones & Kenward, Design and Analysis of Cross-Over Trials, 3rd edition, chapter 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latency_bench.harness.statistics.order_statistics import Floats

TRIMMED = 0.2
"""Cut off at each end. Of normal differences the mean of the rest needs 1.1 times the blocks that a plain mean needs,
the median 1.6 times; and a request that a neighbour delayed tenfold moves neither (Wilcox, Introduction to Robust
Estimation, 4th edition, section 3.3)."""
_BATCHES = 8


@dataclass(frozen=True)
class BlockRatio:
    """Log of B's latency over A's within one pair of processes.

    `standard_error` is that of this pair alone, and knows nothing of other processes; None with too few blocks for one.
    """

    log_ratio: float
    standard_error: float | None
    blocks: int


def block_ratio(log_a: Floats, log_b: Floats, b_first: npt.NDArray[np.bool_]) -> BlockRatio:
    """From the log latencies of A's and B's burst in each block, shape [blocks], and whether B's came first.

    The standard error comes from the estimates of eight stretches of the series, so that blocks which resemble their
    neighbours do not count as independent (batch means; Law, Simulation Modeling and Analysis, section 9.5.3).
    Raises ValueError without blocks, or for a value that is not finite.
    """
    differences = np.asarray(log_b - log_a, dtype=np.float64)
    if differences.size == 0 or not np.isfinite(differences).all():
        raise ValueError("a ratio needs blocks, each with a positive latency of both sides")
    return BlockRatio(_balanced(differences, b_first), _standard_error(differences, b_first), differences.size)


def _balanced(differences: Floats, b_first: npt.NDArray[np.bool_]) -> float:
    by_order = [values for values in (differences[b_first], differences[~b_first]) if values.size]
    return float(np.mean([trimmed_mean(values) for values in by_order]))


def _standard_error(differences: Floats, b_first: npt.NDArray[np.bool_]) -> float | None:
    batches = min(_BATCHES, differences.size // 4)
    if batches < 2:
        return None
    parts = zip(np.array_split(differences, batches), np.array_split(b_first, batches), strict=True)
    estimates = [_balanced(values, first) for values, first in parts]
    return float(np.std(estimates, ddof=1)) / math.sqrt(batches)


def trimmed_mean(values: Floats) -> float:
    """The mean of what is left when a fifth is cut off at each end."""
    cut = int(TRIMMED * values.size)
    return float(np.mean(np.sort(values)[cut : values.size - cut]))
