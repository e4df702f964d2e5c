"""Engines that were built several times: how far builds differ, apart from how far rounds on one build do.

A builder that times kernels to choose among them can choose others the next time; rounds on a single engine never see
that (one-way layout of random effects: builds, and rounds within builds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latency_bench.harness.statistics.summary import coefficient_of_variation


@dataclass(frozen=True)
class BuildSpread:
    """`between_cv` is the coefficient of variation of the builds' medians, `within_cv` that of the rounds' medians
    inside a build (root mean square over the builds); None where no build has two rounds."""

    count: int
    medians: tuple[float, ...]
    between_cv: float
    within_cv: float | None


def spread_by_build(round_medians: Sequence[float], builds: Sequence[int]) -> BuildSpread | None:
    """The spread of the rounds' medians by the build that each round ran on; None with fewer than two builds.

    Raises ValueError if the two differ in length.
    """
    if len(round_medians) != len(builds):
        raise ValueError(f"{len(round_medians)} rounds, but {len(builds)} builds named")
    groups = [
        np.array([m for m, b in zip(round_medians, builds, strict=True) if b == build]) for build in sorted(set(builds))
    ]
    if len(groups) < 2:
        return None
    medians = np.array([float(np.median(group)) for group in groups])
    inside = [coefficient_of_variation(group) for group in groups if group.size > 1]
    within = float(np.sqrt(np.mean(np.square(inside)))) if inside else None
    return BuildSpread(len(groups), tuple(map(float, medians)), coefficient_of_variation(medians), within)
