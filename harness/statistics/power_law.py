"""How a latency grows with a size: the exponent on log-log axes, and the size at which two curves cross.

Both rest on the rounds: every size has one median a round, and the logarithms of these are taken as normal around the
true value, which is what the t interval of `intervals.py` assumes too. Nothing is extrapolated beyond the sizes that
were measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from latency_bench.harness.statistics.order_statistics import Floats

CONFIDENCE = 0.95
DRAWS = 4000
Curve = Mapping[int, Sequence[float]]
"""Medians of the rounds, in any unit of time, by size."""


@dataclass(frozen=True)
class Exponent:
    """latency ~ size^value by least squares over all sizes; `last` between the two largest alone.

    `low` and `high` are None where some size has one round. `worst_residual` is the largest factor by which a size is
    off the straight line: a power law that does not hold shows there, and not in the interval, which knows the noise of
    the rounds alone.
    """

    value: float
    low: float | None
    high: float | None
    last: float
    worst_residual: float
    sizes: tuple[int, ...]
    confidence: float = CONFIDENCE


@dataclass(frozen=True)
class Crossover:
    """The size from which on the first curve stays below the second, between neighbouring sizes by a straight line on
    log-log axes. `size` is 0 where it is below at every size measured, infinite where it is not at the largest; `low`
    and `high` likewise, or None where some size has one round."""

    size: float
    low: float | None
    high: float | None
    smallest: int
    largest: int
    confidence: float = CONFIDENCE


def exponent(curve: Curve, confidence: float = CONFIDENCE) -> Exponent:
    """Raises ValueError for fewer than two sizes, a size without rounds, or a median that is not positive.

    The slope is a weighted sum of independent means; its degrees of freedom are Satterthwaite's (Biometrics Bulletin 2,
    1946).
    """
    from scipy.stats import t

    sizes = sorted(curve)
    if len(sizes) < 2:
        raise ValueError("an exponent needs two sizes")
    logs = [_logs(curve[size]) for size in sizes]
    x, y = np.log(np.array(sizes, dtype=float)), np.array([values.mean() for values in logs])
    weights = (x - x.mean()) / float(((x - x.mean()) ** 2).sum())
    value = float(weights @ y)
    residuals = y - y.mean() - value * (x - x.mean())
    low = high = None
    if all(values.size > 1 for values in logs):
        parts = np.array([w**2 * values.var(ddof=1) / values.size for w, values in zip(weights, logs, strict=True)])
        variance = float(parts.sum())
        half = 0.0
        if variance > 0:
            freedom = variance**2 / sum(part**2 / (values.size - 1) for part, values in zip(parts, logs, strict=True))
            half = float(t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(variance)
        low, high = value - half, value + half
    return Exponent(
        value=value,
        low=low,
        high=high,
        last=float((y[-1] - y[-2]) / (x[-1] - x[-2])),
        worst_residual=math.exp(float(np.abs(residuals).max())),
        sizes=tuple(sizes),
        confidence=confidence,
    )


def crossover(first: Curve, second: Curve, confidence: float = CONFIDENCE, seed: int = 0) -> Crossover:
    """From the sizes that both curves have. Raises ValueError for fewer than two of them, and as `exponent` does.

    The interval is the range of the crossings of curves drawn anew: at every size the mean of the logarithms, shifted
    by Student's t with the rounds' own spread and number (a parametric bootstrap over the rounds, seeded).
    """
    sizes = sorted(set(first) & set(second))
    if len(sizes) < 2:
        raise ValueError("a crossover needs two sizes that both curves have")
    gaps = [(_logs(first[size]), _logs(second[size])) for size in sizes]
    log_sizes = np.log(np.array(sizes, dtype=float))
    size = _crossing(np.array([a.mean() - b.mean() for a, b in gaps]), log_sizes)
    low = high = None
    if all(values.size > 1 for pair in gaps for values in pair):
        generator = np.random.default_rng(seed)
        drawn = np.stack([_draw(a, generator) - _draw(b, generator) for a, b in gaps], axis=1)
        crossings = np.sort([_crossing(row, log_sizes) for row in drawn])
        outside = int((1 - confidence) / 2 * crossings.size)
        low, high = min(float(crossings[outside]), size), max(float(crossings[-1 - outside]), size)
    return Crossover(size, low, high, sizes[0], sizes[-1], confidence)


def _crossing(gaps: Floats, log_sizes: Floats) -> float:
    """Where `gaps`, log first minus log second, turns negative for good."""
    not_below = np.flatnonzero(gaps >= 0)
    if not not_below.size:
        return 0.0
    last = int(not_below[-1])
    if last == gaps.size - 1:
        return math.inf
    share = gaps[last] / (gaps[last] - gaps[last + 1])
    return math.exp(float(log_sizes[last] + share * (log_sizes[last + 1] - log_sizes[last])))


def _draw(logs: Floats, generator: np.random.Generator) -> Floats:
    shift: Floats = generator.standard_t(logs.size - 1, DRAWS) * float(logs.std(ddof=1)) / math.sqrt(logs.size)
    return shift + float(logs.mean())


def _logs(medians: Sequence[float]) -> Floats:
    values = np.array(medians, dtype=float)
    if not values.size or not np.isfinite(values).all() or (values <= 0).any():
        raise ValueError("the medians of the rounds have to be positive numbers, at least one a size")
    logs: Floats = np.log(values)
    return logs
