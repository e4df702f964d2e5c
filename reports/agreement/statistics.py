"""How far two series agree: order, factors between models, and which pairs change places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latency_bench.reports.agreement.series import LEAST_MODELS, Key, Latency, Series

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

RESAMPLES = 2000
CONFIDENCE = 0.95
_SEED = 0


@dataclass(frozen=True)
class Swap:
    """Two models that are ordered the one way in the first series and the other way in the second, beyond the intervals
    of both."""

    quicker: str
    """In the first series."""
    slower: str
    first: float
    """Latency of the slower over the quicker in the first series, above 1."""
    second: float
    """The same in the second, below 1."""


@dataclass(frozen=True)
class Agreement:
    """Of two series over the models that both have.

    `tau` is Kendall's tau-b (Kendall, The treatment of ties in ranking problems, Biometrika 1945), its interval the
    percentiles of a bootstrap over models. `typical` and `rare`: by which factor a ratio of two models in the first
    series misses the one in the second, in half of all pairs, and in all but one of twenty.
    """

    first: Series
    second: Series
    keys: tuple[Key, ...]
    tau: float
    low: float
    high: float
    typical: float
    rare: float
    decided: int
    """Pairs that both series order beyond their intervals."""
    swaps: tuple[Swap, ...]
    """Of these, those that change places; the farthest first."""


def agreement(first: Series, second: Series) -> Agreement | None:
    """None where they have fewer than LEAST_MODELS models in common."""
    import numpy as np

    keys = tuple(key for key in first.latencies if key in second.latencies)
    if len(keys) < LEAST_MODELS:
        return None
    a, b = ([series.latencies[key] for key in keys] for series in (first, second))
    logs = [np.log([latency.ms for latency in side]) for side in (a, b)]
    signs_a, signs_b = (np.sign(np.subtract.outer(values, values)) for values in logs)
    low, high = _bootstrap(signs_a, signs_b)
    differences = logs[0] - logs[1]
    upper = np.triu_indices(len(keys), 1)
    missed = np.exp(np.abs(np.subtract.outer(differences, differences))[upper])
    decided, swaps = _places(a, b)
    return Agreement(
        first,
        second,
        keys,
        _tau_b(signs_a, signs_b),
        low,
        high,
        float(np.quantile(missed, 0.5)),
        float(np.quantile(missed, 0.95)),
        decided,
        tuple(sorted(swaps, key=lambda swap: swap.second / swap.first)),
    )


def _tau_b(signs_a: Numbers, signs_b: Numbers) -> float:
    """From the signs of all differences; NaN where one side has no order at all."""
    import numpy as np

    product = float((signs_a * signs_b).sum())
    norm = float(np.sqrt((signs_a**2).sum() * (signs_b**2).sum()))
    return product / norm if norm else float("nan")


def _bootstrap(signs_a: Numbers, signs_b: Numbers) -> tuple[float, float]:
    """Percentile interval over resampled models. A model that is drawn twice has no order with itself, so that sums
    over a sample are sums over all pairs, weighted by how often each of the two was drawn."""
    import numpy as np

    random = np.random.default_rng(_SEED)
    count = len(signs_a)
    drawn = np.array([np.bincount(random.integers(0, count, count), minlength=count) for _ in range(RESAMPLES)], float)
    product, square_a, square_b = (
        np.einsum("ij,ij->i", drawn @ signs, drawn) for signs in (signs_a * signs_b, signs_a**2, signs_b**2)
    )
    norms = np.sqrt(square_a * square_b)
    taus = product[norms > 0] / norms[norms > 0]
    if not len(taus):
        return float("nan"), float("nan")
    low, high = np.quantile(taus, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _places(a: list[Latency], b: list[Latency]) -> tuple[int, list[Swap]]:
    decided, swaps = 0, []
    for one in range(len(a)):
        for other in range(len(a)):
            if not a[one].high < a[other].low:
                continue
            if b[one].high < b[other].low:
                decided += 1
            elif b[other].high < b[one].low:
                decided += 1
                swaps.append(Swap(a[one].name, a[other].name, a[other].ms / a[one].ms, b[other].ms / b[one].ms))
    return decided, swaps
