"""How latencies on one platform relate to those that were published of another, and where one more model would lie.

The logarithms of the ratios of `n` models are taken for a sample of a normal distribution: their mean has a t interval,
and one more model lies, at 95 %, in mean ± t s √(1 + 1/n) (a prediction interval).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Model = TypeVar("Model", bound=Hashable)

LEAST_MODELS = 5
"""Below which nothing is said of a relation."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Relation:
    """Own latencies over published ones of the same models."""

    models: int
    ratio: float
    """Geometric mean."""
    low: float
    high: float
    least: float
    most: float
    """Between which one more model's ratio is expected."""

    def excess(self, ratio: float) -> float:
        """By which factor a model's ratio lies outside: above 1 slower than expected, below 1 quicker, 1 inside."""
        if ratio > self.most:
            return ratio / self.ratio
        return ratio / self.ratio if ratio < self.least else 1.0


def relation(own_ms: Mapping[Model, float], published_ms: Mapping[Model, float]) -> Relation | None:
    """Of the models that both have; None where they are fewer than LEAST_MODELS."""
    common = [model for model in own_ms if model in published_ms]
    if len(common) < LEAST_MODELS:
        return None
    import numpy as np
    from scipy import stats

    logs = np.log([own_ms[model] / published_ms[model] for model in common])
    mean, spread = float(logs.mean()), float(logs.std(ddof=1))
    t = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(common) - 1))
    of_mean, of_next = t * spread / math.sqrt(len(common)), t * spread * math.sqrt(1 + 1 / len(common))
    return Relation(
        len(common),
        math.exp(mean),
        math.exp(mean - of_mean),
        math.exp(mean + of_mean),
        math.exp(mean - of_next),
        math.exp(mean + of_next),
    )
