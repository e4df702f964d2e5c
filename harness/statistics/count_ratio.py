"""The ratio of two counts that nearly repeat: few estimates a side, one a process.

Welch's t interval on their logarithms (Welch, Biometrika 34, 1947): nothing is assumed of the two sides having the same
variance. Counts that do repeat exactly have an interval of no width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from latency_bench.harness.statistics.gate_answer import RatioEvidence

CONFIDENCE = 0.99


def count_evidence(baseline: Sequence[float], candidate: Sequence[float], limit: float) -> RatioEvidence:
    """Candidate over baseline, held against `limit`. Raises ValueError for counts that are not positive, and for fewer
    than two a side."""
    a, b = (np.asarray(counts, dtype=np.float64) for counts in (baseline, candidate))
    if min(len(a), len(b)) < 2 or min(a.min(), b.min()) <= 0:
        raise ValueError("a ratio needs two positive counts a side or more")
    log_a, log_b = np.log(a), np.log(b)
    difference = float(log_b.mean() - log_a.mean())
    error, freedom = _standard_error(log_a, log_b)
    above = difference - math.log(limit)
    if error == 0:
        ratio = math.exp(difference)
        return RatioEvidence(ratio, ratio, ratio, limit, 0.0 if above > 0 else 1.0)
    from scipy.stats import t as student

    reach = float(student.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    low, high = math.exp(difference - reach), math.exp(difference + reach)
    return RatioEvidence(math.exp(difference), low, high, limit, float(student.sf(above / error, freedom)))


def _standard_error(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Of the difference of the means, and its degrees of freedom by Welch and Satterthwaite."""
    of_a, of_b = (float(side.var(ddof=1)) / len(side) for side in (a, b))
    if of_a + of_b == 0:
        return 0.0, math.inf
    freedom = (of_a + of_b) ** 2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1))
    return math.sqrt(of_a + of_b), freedom
