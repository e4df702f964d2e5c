"""How many rounds a case needs: from what rounds differ by, and what is unsure within each of them.

Kalibera & Jones, "Rigorous benchmarking in reasonable time" (ISMM 2013): a first set of processes shows how much of the
variance lies between processes and how much within them, and from that follows how many processes make the interval as
narrow as asked. Deciding once, from the first set, and not after every round, keeps the interval honest (Stein, Annals
of Mathematical Statistics 16, 1945).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latency_bench.harness.statistics.intervals import process_interval
from latency_bench.harness.statistics.order_statistics import Floats

CONFIDENCE = 0.95
_Z95 = 1.959964


@dataclass(frozen=True)
class RoundVariance:
    """Of the logarithm of a round's median: `between` processes beyond what their own samples explain, and `within`
    them, the mean over the rounds."""

    between: float
    within: float
    rounds: int

    @property
    def of_a_round(self) -> float:
        """What the next round's median will scatter by. Few rounds may agree by luck, yet never by less than what is
        unsure inside of them."""
        return self.between + self.within


def round_variance(rounds: Sequence[Floats], tick: float | None = None) -> RoundVariance | None:
    """From the samples of two rounds or more; None for one, or where a median is 0. `tick`: of the timer."""
    if len(rounds) < 2:
        return None
    medians = [float(np.median(samples)) for samples in rounds]
    if min(medians) <= 0:
        return None
    within = float(np.mean([_variance_of_median(samples, tick) for samples in rounds]))
    return RoundVariance(max(0.0, float(np.var(np.log(medians), ddof=1)) - within), within, len(rounds))


def rounds_for_interval(variance: RoundVariance, relative_interval: float) -> int:
    """Rounds until the interval of the rounds' median is so wide, from end to end over the median, at 95 %; with
    Student's t of the rounds that the variance was seen in, because it may have been underestimated."""
    from scipy.special import stdtrit

    quantile = float(stdtrit(variance.rounds - 1, (1 + CONFIDENCE) / 2))
    return max(2, math.ceil((2 * quantile / relative_interval) ** 2 * variance.of_a_round))


def _variance_of_median(samples: Floats, tick: float | None) -> float:
    """From the interval of one process's own median; 0 where it has none, so that its scatter counts as between."""
    found = process_interval(samples, tick=tick)
    if found.low is None or found.high is None or found.low <= 0:
        return 0.0
    return (math.log(found.high / found.low) / (2 * _Z95)) ** 2
