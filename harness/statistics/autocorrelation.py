"""How many independent samples a correlated series is worth.

Samples of one process share its caches, its clock and its heat: consecutive ones resemble each other, and 1,000 of them
can be worth 200. What matters for a quantile is the correlation of the indicator "above or below the quantile", not of
the latencies themselves; outliers have no more say in it than any other sample.
"""

from __future__ import annotations

import numpy as np

from latency_bench.harness.statistics.order_statistics import Floats

LONGEST_SERIES = 1 << 20
"""Longer series are summarised by the means of so many batches at most, which keeps the transform in memory."""
ROUNDING = 1e-9
"""Of the variance: sums of autocovariances up to here are zero."""


def effective_count(series: Floats) -> float:
    """n / tau, with tau the integrated autocorrelation time of the series; between 1 and n.

    tau is summed by the initial monotone positive sequence (Geyer, "Practical Markov chain Monte Carlo", Statistical
    Science 7, 1992, section 3.3): sums of adjacent pairs of autocovariances, until the first that is not positive, each
    no larger than the one before. Series that alternate (tau < 1) count as independent, on the safe side.
    """
    if series.size > LONGEST_SERIES:
        batches = series[: series.size - series.size % LONGEST_SERIES].reshape(LONGEST_SERIES, -1).mean(axis=1)
        # One batch mean is worth as many samples as its variance is smaller than theirs.
        worth = float(series.var() / batches.var()) if batches.var() > 0 else 1.0
        return min(float(series.size), worth * effective_count(batches))
    n = series.size
    if n < 3:
        return float(n)
    centred = series - series.mean()
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    autocovariance = np.fft.irfft(spectrum * spectrum.conj(), size)[:n] / n
    if autocovariance[0] <= 1e-12 * (1 + float(np.abs(series).max()) ** 2):
        return float(n)
    pairs = autocovariance[0 : n - n % 2 : 2] + autocovariance[1::2]
    # A sum that is zero in exact arithmetic comes out of the transform a little above or below it, as it happens.
    ends = np.flatnonzero(pairs <= ROUNDING * autocovariance[0])
    positive = pairs[: ends[0]] if ends.size else pairs
    tau = (2 * np.minimum.accumulate(positive).sum() - autocovariance[0]) / autocovariance[0] if positive.size else 1.0
    # Subtracting the series' own mean lowers every autocovariance by about tau / n of the variance; over the lags
    # summed, both signs of each, that takes this share from tau.
    lost = min(4 * positive.size / n, 0.9)
    return n / float(np.clip(tau / (1 - lost), 1.0, n))


def effective_count_at(samples: Floats, quantile: float) -> float:
    """How many independent samples the series, in the order it was taken, is worth for the quantile of this value."""
    return effective_count(np.sign(samples - quantile))
