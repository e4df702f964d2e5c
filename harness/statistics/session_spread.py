"""What a machine does between sessions, and how far it bounds a ratio of two numbers from different ones.

Runs that were interleaved share the machine's state; runs of different hours do not, and no number of rounds within
them shows by how much. It shows in the repeated runs of one case: their levels spread by what the machine does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNKNOWN_SESSIONS = math.log(1.15)
"""How far apart two sessions are taken to be at 95 % where nothing is known of them: sessions that spread by 5 %, as
shared machines do, differ by 1.96 * sqrt(2) * 5 % = 14 %."""


@dataclass(frozen=True)
class SessionSpread:
    """Standard deviation of the log latency from session to session, and the degrees of freedom that it rests on."""

    log_deviation: float
    degrees: int


def session_spread(log_levels_by_case: Sequence[Sequence[float]]) -> SessionSpread | None:
    """From the log level of every session, case by case; None where no case has two sessions.

    Variances are pooled. Cases that were measured in the same sessions are all slower in the same one, so that the
    degrees of freedom are those of the case with most sessions, not their sum.
    """
    repeated = [np.asarray(levels, dtype=np.float64) for levels in log_levels_by_case if len(levels) >= 2]
    if not repeated:
        return None
    squares = sum(float(((levels - levels.mean()) ** 2).sum()) for levels in repeated)
    total = sum(levels.size - 1 for levels in repeated)
    return SessionSpread(math.sqrt(squares / total), max(levels.size for levels in repeated) - 1)


@dataclass(frozen=True)
class BoundedRatio:
    """A ratio with its interval and the one-sided p-value of its being at most a limit, sessions included."""

    low: float
    high: float
    p_worse: float


def across_sessions(
    ratio: float,
    low: float,
    high: float,
    limit: float,
    spread: SessionSpread | None,
    sessions: tuple[int, int],
    confidence: float,
) -> BoundedRatio:
    """Widen the interval of a ratio by what lies between `sessions` of A and of B.

    Student's t where a spread was measured, else UNKNOWN_SESSIONS. Both causes are independent: their half widths are
    added as squares, each side of the interval for itself (Donner & Zou, Statistical Methods in Medical Research 21,
    2012).
    """
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    tail = (1 + confidence) / 2
    if spread is None:
        quantile, half = float(ndtri(tail)), UNKNOWN_SESSIONS
    else:
        quantile = float(stdtrit(spread.degrees, tail))
        half = quantile * spread.log_deviation * math.sqrt(1 / sessions[0] + 1 / sessions[1])
    down = math.hypot(math.log(ratio / low), half)
    up = math.hypot(math.log(high / ratio), half)
    score = quantile * math.log(ratio / limit) / down if down > 0 else math.copysign(math.inf, ratio - limit)
    p = float(ndtr(-score)) if spread is None else float(stdtr(spread.degrees, -score))
    return BoundedRatio(ratio * math.exp(-down), ratio * math.exp(up), p)
