"""Synthetic latencies whose true median is known: what the statistics are proven on.

All have a median near 1, so that spreads read as relative ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Random = np.random.Generator

SPREAD = 0.03
_MODES = (1.0, 1.15)
_LOWER_SHARE = 0.7
_MODE_SPREAD = 0.01
_TAIL_INDEX = 1.5


@dataclass(frozen=True)
class LatencyModel:
    """`draw(random, series, n)` gives an array of `series` rows of `n` latencies in order."""

    name: str
    draw: Callable[[Random, int, int], Floats]
    median: float


def normal_ar1(random: Random, series: int, n: int, rho: float) -> Floats:
    """Standard normal series, each value correlated by rho with the one before, stationary from the first."""
    from scipy.signal import lfilter

    innovations = random.standard_normal((series, n)) * np.sqrt(1 - rho**2)
    innovations[:, 0] = random.standard_normal(series)
    return lfilter([1.0], [1.0, -rho], innovations, axis=1)


def _lognormal(random: Random, series: int, n: int) -> Floats:
    return np.exp(SPREAD * random.standard_normal((series, n)))


def _ar1(rho: float) -> Callable[[Random, int, int], Floats]:
    return lambda random, series, n: np.exp(SPREAD * normal_ar1(random, series, n, rho))


def _bimodal(random: Random, series: int, n: int) -> Floats:
    modes = np.where(random.random((series, n)) < _LOWER_SHARE, *_MODES)
    return modes + _MODE_SPREAD * random.standard_normal((series, n))


def _bimodal_median() -> float:
    from scipy.optimize import brentq
    from scipy.stats import norm

    def below(x: float) -> float:
        shares = (_LOWER_SHARE, 1 - _LOWER_SHARE)
        return float(sum(p * norm.cdf(x, mode, _MODE_SPREAD) for p, mode in zip(shares, _MODES, strict=True)))

    return float(brentq(lambda x: below(x) - 0.5, *_MODES))


def _heavy_tailed(random: Random, series: int, n: int) -> Floats:
    """A Pareto tail without a variance: some latencies are ten times the median."""
    return 0.95 + 0.08 * random.pareto(_TAIL_INDEX, (series, n))


def _quantised(tick: float) -> Callable[[Random, int, int], Floats]:
    """What a clock of this tick makes of a lognormal latency: the difference of two readings, each rounded down."""

    def draw(random: Random, series: int, n: int) -> Floats:
        start = random.random((series, n)) * tick
        end = start + _lognormal(random, series, n)
        return np.rint(np.floor(end / tick) - np.floor(start / tick)) * tick

    return draw


INDEPENDENT = LatencyModel("independent lognormal", _lognormal, 1.0)
AUTOCORRELATED = LatencyModel("AR(1), rho 0.5", _ar1(0.5), 1.0)
STRONGLY_AUTOCORRELATED = LatencyModel("AR(1), rho 0.9", _ar1(0.9), 1.0)
BIMODAL = LatencyModel("bimodal, 70 % / 30 %", _bimodal, _bimodal_median())
HEAVY_TAILED = LatencyModel("heavy-tailed (Pareto 1.5)", _heavy_tailed, 0.95 + 0.08 * (2 ** (1 / _TAIL_INDEX) - 1))
QUANTISED = LatencyModel("quantised, tick 1/4 of the spread", _quantised(SPREAD / 4), 1.0)
COARSELY_QUANTISED = LatencyModel("quantised, tick equal to the spread", _quantised(SPREAD), 1.0)

MODELS = (INDEPENDENT, AUTOCORRELATED, BIMODAL, HEAVY_TAILED, QUANTISED)
"""Those for which the interval of the median has to cover between 93 % and 98 %."""


def processes(
    random: Random, rounds: int, n: int, *, between: float, model: LatencyModel = AUTOCORRELATED, drift: float = 0.0
) -> list[Floats]:
    """The samples of fresh processes, one array each, in the order they ran.

    Each process has its own speed, spread by `between` (relative standard deviation); `drift` is that of a slow,
    correlated wander of the whole machine from process to process.
    """
    speed = between * random.standard_normal(rounds) + drift * normal_ar1(random, 1, rounds, 0.8)[0]
    return list(model.draw(random, rounds, n) * np.exp(speed)[:, None])
