"""How much of the noise of a paired ratio lies between pairs of processes, and how much within one; and what follows
from it for how long one pair should run.

The method of moments of a one-way random effects model (Searle, Casella & McCulloch, Variance Components, section 3.6):
what the pairs' log ratios spread by beyond their own standard errors is the spread between pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

USUAL_BETWEEN = 0.005
"""Spread of the log ratio from pair to pair before it was measured: 0.5 %, as two live LiteRT processes had."""
_USUAL_COUNTS = 3
"""As many pairs as that knowledge is worth: the spread of two or three pairs may be 0 by luck."""
_NORMAL_MAD = 0.6745
"""Median absolute deviation of a normal distribution of spread 1."""


@dataclass(frozen=True)
class Components:
    """Standard deviations of the log ratio. `within` is that of one second of alternating: it falls with the root of
    the seconds."""

    between: float
    within: float


def components(
    log_ratios: Sequence[float], standard_errors: Sequence[float | None], seconds: Sequence[float]
) -> Components | None:
    """From the pairs measured so far, `seconds` each; None before one of them has a standard error.

    Medians all through: one pair that a neighbour disturbed has many times the variance of the others.
    """
    known = [(ratio, error, s) for ratio, error, s in zip(log_ratios, standard_errors, seconds, strict=True) if error]
    if not known:
        return None
    ratios, errors, lengths_s = (np.array(column) for column in zip(*known, strict=True))
    within = math.sqrt(float(np.median(errors**2 * lengths_s)))
    spread = float(np.median(np.abs(ratios - np.median(ratios)))) / _NORMAL_MAD
    variance = max(0.0, spread**2 - float(np.median(errors**2)))
    pairs = len(known) - 1
    between = math.sqrt((_USUAL_COUNTS * USUAL_BETWEEN**2 + pairs * variance) / (_USUAL_COUNTS + pairs))
    return Components(between, within)


def best_seconds(spread: Components, start_s: float, least_s: float, most_s: float) -> float:
    """How long a pair should alternate, so that the ratio's variance falls fastest over time; between the two bounds.

    A pair costs `start_s` for its processes and t for alternating, and brings the variance between^2 + within^2 / t;
    the product is least at t = within / between * sqrt(start_s) (Cochran, Sampling Techniques, section 10.6).
    """
    return min(max(spread.within / spread.between * math.sqrt(start_s), least_s), most_s)
