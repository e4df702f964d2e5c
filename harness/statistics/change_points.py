"""Where the level of a series of runs changed: of one case, measured again and again over weeks.

A run's number scatters from session to session by what the machine does, and that scatter is the only noise that counts
here: it is seen in the series itself. Candidates come from optimal partitioning (ruptures); each has to stand a rank
test that knows that the best of all places was looked for, so that a series without a change has one in 1 % of the
cases, and in 4 % where it is long and has several candidates (docs/history.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from latency_bench.harness.statistics.order_statistics import Floats

LEAST_RUNS = 12
"""Of fewer nobody can tell: the most extreme order that there is would not be rare enough."""
LEAST_LEVEL = 3
"""Runs of a level; a single slow run is none."""
SIGNIFICANCE = 0.01
"""Of the test of one candidate."""
CONFIDENCE = 0.95
_GENEROUS_PENALTY = 1.5
"""Of a candidate, in units of log(runs) times the variance of the noise: candidates cost nothing, a missed one does."""
_CLEARLY = 2.0
"""By how much Schwarz' criterion has to prefer a line to steps (Kass & Raftery, JASA 90, 1995: "positive" evidence)."""
_SHUFFLES = 4000
_PLACE_LIKELIHOOD = -math.log(1 - math.sqrt(CONFIDENCE))
"""How much less likely than the best place another may be and still be in the interval at 95 %: the larger maximum of
two random walks with drift is at most x with probability (1 - exp(-x))^2 (Siegmund, Int. Stat. Review 56, 1988)."""


@dataclass(frozen=True)
class Change:
    """`place`: index of the first run at the new level; the change lies between `earliest` and `latest` at 95 %, both
    indices of the same kind. `ratio`: new level over old, with its interval at 95 %."""

    place: int
    earliest: int
    latest: int
    ratio: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Drift:
    """The level moved all the time: from the first run to the last by `ratio`, with its interval at 95 %."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class LevelChanges:
    """At most one of `changes` and `drift` is there. `smallest`: by which ratio the second half of the series would
    have had to differ from the first to be found in most cases; None where there are too few runs."""

    changes: tuple[Change, ...] = ()
    drift: Drift | None = None
    smallest: float | None = None


def level_changes(log_levels: Sequence[float] | Floats) -> LevelChanges:
    """The changes of a series of log latencies, one a run, in the order of time. Fewer than LEAST_RUNS have none."""
    logs = np.asarray(log_levels, dtype=np.float64)
    if logs.size < LEAST_RUNS:
        return LevelChanges()
    places = _tested(logs, _candidates(logs))
    if places and _line_explains_more(logs, places):
        return LevelChanges(drift=_drift(logs), smallest=_smallest(logs, []))
    bounds = [0, *places, logs.size]
    changes = tuple(_change(logs, *bounds[index : index + 3]) for index in range(len(places)))
    return LevelChanges(changes, smallest=_smallest(logs, places))


def _candidates(logs: Floats) -> list[int]:
    import ruptures

    # Differences of neighbours see the noise without the steps.
    noise = 1.4826 * float(np.median(np.abs(np.diff(logs)))) / math.sqrt(2)
    penalty = _GENEROUS_PENALTY * math.log(logs.size) * max(noise, 1e-6) ** 2
    search = ruptures.KernelCPD(kernel="linear", min_size=LEAST_LEVEL).fit(logs.reshape(-1, 1))
    return [int(end) for end in search.predict(pen=penalty)[:-1]]


def _tested(logs: Floats, candidates: list[int]) -> list[int]:
    """The candidates that stand the test between their neighbours; the least likely goes first, and each time the rest
    is tested anew."""
    places = list(candidates)
    while places:
        bounds = [0, *places, logs.size]
        p_values = [p_change(logs[bounds[index] : bounds[index + 2]]) for index in range(len(places))]
        worst = int(np.argmax(p_values))
        if p_values[worst] <= SIGNIFICANCE:
            break
        del places[worst]
    return places


def p_change(logs: Floats) -> float:
    """How rare the largest split of a series by ranks is in a series without a change (Pettitt, Applied Statistics 28,
    1979, standardised for the place), from seeded shuffles: exact but for their number."""
    if logs.size < 2 * LEAST_LEVEL:
        return 1.0
    from scipy.stats import rankdata

    statistic = float(_largest_split(rankdata(logs)[None, :])[0])
    null = _null_splits(logs.size)
    return float((1 + np.count_nonzero(null >= statistic - 1e-9)) / (1 + null.size))


def _largest_split(ranks: Floats) -> Floats:
    """Of each row, the largest standardised difference of the ranks before and after a place."""
    count = ranks.shape[1]
    before = np.arange(1, count)
    sums = np.cumsum(ranks, axis=1)[:, :-1] - before * (count + 1) / 2
    deviations = np.sqrt(before * (count - before) * (count + 1) / 12)
    inside = slice(LEAST_LEVEL - 1, count - LEAST_LEVEL)
    largest: Floats = np.max(np.abs(sums / deviations)[:, inside], axis=1)
    return largest


@lru_cache(maxsize=1024)
def _null_splits(count: int) -> Floats:
    shuffled = np.random.default_rng(count).permuted(np.tile(np.arange(1.0, count + 1), (_SHUFFLES, 1)), axis=1)
    return _largest_split(shuffled)


def _change(logs: Floats, start: int, place: int, end: int) -> Change:
    from scipy.special import stdtrit

    old, new = logs[start:place], logs[place:end]
    # Welch's interval of the difference of two means.
    parts = [float(part.var(ddof=1)) / part.size for part in (old, new)]
    error = math.sqrt(sum(parts))
    half = 0.0
    if error:
        degrees = error**4 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, (old, new), strict=True))
        half = float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) * error
    shift = float(new.mean() - old.mean())
    earliest, latest = _place_interval(logs[start:end], place - start)
    ends = (math.exp(shift - half), math.exp(shift + half))
    return Change(place, start + earliest, start + latest, math.exp(shift), *ends, p_change(logs[start:end]))


def _place_interval(logs: Floats, place: int) -> tuple[int, int]:
    """The places that are not much less likely than the best one."""
    places = np.arange(1, logs.size)
    sums, squares = np.cumsum(logs), float((logs**2).sum())
    before = sums[:-1]
    left = squares - before**2 / places - (sums[-1] - before) ** 2 / (logs.size - places)
    noise = max(float(left[place - 1]) / max(1, logs.size - 2), 1e-12)
    likely = places[left - left[place - 1] <= 2 * noise * _PLACE_LIKELIHOOD]
    return min(place, int(likely.min())), max(place, int(likely.max()))


def _line_explains_more(logs: Floats, places: Sequence[int]) -> bool:
    """By Schwarz' criterion: a line has two parameters, steps have a level and a place each, and one level more."""
    bounds = [0, *places, logs.size]
    of_steps = sum(float(((part := logs[a:b]) - part.mean()) @ (part - part.mean())) for a, b in _pieces(bounds))
    times = np.arange(logs.size, dtype=np.float64)
    of_line = float(np.sum((logs - np.polyval(np.polyfit(times, logs, 1), times)) ** 2))
    penalty = math.log(logs.size)
    steps = logs.size * math.log(max(of_steps, 1e-300)) + penalty * (2 * len(places) + 1)
    line = logs.size * math.log(max(of_line, 1e-300)) + penalty * 2
    return line + _CLEARLY < steps


def _pieces(bounds: Sequence[int]) -> list[tuple[int, int]]:
    return list(pairwise(bounds))


def _drift(logs: Floats) -> Drift:
    from scipy.stats import linregress, t

    line = linregress(np.arange(logs.size), logs)
    over_all = float(line.slope) * (logs.size - 1)
    half = float(t.ppf((1 + CONFIDENCE) / 2, logs.size - 2)) * float(line.stderr) * (logs.size - 1)
    return Drift(math.exp(over_all), math.exp(over_all - half), math.exp(over_all + half))


def _smallest(logs: Floats, places: Sequence[int]) -> float:
    """A change in the middle that is found in four of five series, from the scatter within the levels: 3.2 standard
    errors for the largest split at SIGNIFICANCE, and 0.84 for the power."""
    bounds = [0, *places, logs.size]
    squares = sum(float(((part := logs[a:b]) - part.mean()) @ (part - part.mean())) for a, b in _pieces(bounds))
    deviation = math.sqrt(squares / max(1, logs.size - len(bounds) + 1))
    return math.exp((3.2 + 0.84) * deviation * 2 / math.sqrt(logs.size))
