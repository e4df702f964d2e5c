"""Was a round in a steady state while it was sampled? Judged afterwards, on the samples that are reported.

What the worker sees during the warm-up only decides when sampling may begin. A start that decays over a hundred
requests, the steps of a just-in-time compiler or a clock that sags all pass it and move the median. So the series as a
whole is looked at once it is there, with three answers: shown to be steady, shown not to be, or too little to tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from latency_bench.harness.statistics.order_statistics import Floats, check_samples

Verdict = Literal["steady", "drifting", "stepping", "unknown"]

TOLERANCE = 0.02
"""Relative change of the level that counts as none."""
CONFIDENCE = 0.95
PARTS = 8
"""Consecutive parts of a round whose medians are compared."""
LEAST_PART = 3
"""Requests a part."""
LEAST_REQUESTS = PARTS * LEAST_PART
"""Of a round with fewer nobody can tell whether it was steady."""
MOST_BLOCKS = 128
"""Blocks whose medians stand for the series in the search for changes."""
LEAST_BLOCK = 3
"""Requests a block, so that a single slow one moves no median."""
LEAST_BLOCKS = 3
"""Blocks between two changes during the start-up."""
PENALTY = 3.0
"""Of one change, in units of log(blocks) times the variance of the blocks' noise. Schwarz' criterion counts 2, one for
the level and one for the place (Yao, Statistics & Probability Letters 6, 1988); noise that is correlated needs more."""
LATEST_SETTLING = 0.5
"""Share of all requests within which a start-up has to be over."""


@dataclass(frozen=True)
class Steadiness:
    """`settled_at`: the first of the samples that belongs to the settled state; what lies before it is warm-up.

    `change` is the relative change of the level between the halves of the settled samples and `change_error` the half-
    width of its interval, both None where there were too few. `steps` are the places (index among the samples) of level
    changes beyond the tolerance. `reason` says in words what the verdict rests on.
    """

    verdict: Verdict
    settled_at: int
    change: float | None
    change_error: float | None
    steps: tuple[int, ...]
    reason: str


def judge_steadiness(samples: Floats, warmup: Floats | None = None, tolerance: float = TOLERANCE) -> Steadiness:
    """Judge one round: `samples` and the `warmup` before them in the order taken, positive, in any unit of time.

    Steady: the level of the second half lies within `tolerance` of the first half's at 95 % confidence, its error from
    the scatter of the parts' medians (Schuirmann's two one-sided tests, J. Pharmacokinet. Biopharm. 15, 1987), and no
    part of the series lies at another level. Drifting: the halves are shown to differ by more than that. Stepping: the
    series changes its level by more than that (optimal partitioning of block medians, Killick, Fearnhead & Eckley,
    "Optimal detection of changepoints with a linear computational cost", JASA 107, 2012). Raises ValueError on an empty
    round or values that are not finite.
    """
    samples = check_samples(samples)
    before = np.empty(0) if warmup is None or not len(warmup) else check_samples(warmup)
    if not bool((samples > 0).all() and (before > 0).all()):
        return Steadiness("unknown", 0, None, None, (), "a latency of 0 has no relative change")
    logs = np.log(np.concatenate([before, samples]))
    start_up = max(0, _settled_at(logs, tolerance) - before.size)
    if start_up:
        settled = _judge(logs[before.size :], start_up, tolerance)
        # Cutting off what happens to be slower at the beginning of a series that wanders would bias its median: a start
        # is one only where what follows it is steady.
        if settled.verdict == "steady":
            return settled
    return _judge(logs[before.size :], 0, tolerance)


def _judge(logs: Floats, first: int, tolerance: float) -> Steadiness:
    """Judge the requests from `first` on."""
    kept = logs[first:]
    after_start = f", after {first} requests of start-up" if first else ""
    if kept.size < LEAST_REQUESTS:
        few = f"{kept.size} requests{after_start}; {LEAST_REQUESTS} are needed to tell"
        return Steadiness("unknown", first, None, None, (), few)
    change, error = _change_between_halves(kept)
    steps = tuple(first + place for place in _steps(kept, tolerance))
    text = f"{math.expm1(change):+.1%} ± {error:.1%} from the first half to the second{after_start}"
    verdict: Verdict = "unknown"
    if abs(change) - error > tolerance:
        verdict = "drifting"
    elif steps:
        verdict = "stepping"
        many = f"{len(steps)} level changes" if len(steps) > 1 else "a level change"
        text += f"; {many} of more than {tolerance:.0%}, the first at request {steps[0] + 1}"
    elif abs(change) + error <= tolerance:
        verdict = "steady"
    else:
        text += ": too uncertain to tell"
    return Steadiness(verdict, first, math.expm1(change), error, steps, text)


def _change_between_halves(logs: Floats) -> tuple[float, float]:
    """The difference of the halves' levels, and the half-width of its 90 % interval (two one-sided tests at 95 %)."""
    from scipy.special import stdtrit

    medians = np.array([np.median(part) for part in np.array_split(logs, PARTS)])
    halves = np.split(medians, 2)
    degrees = PARTS - 2
    variance = sum(float(((half - half.mean()) ** 2).sum()) for half in halves) / degrees
    # Neighbouring parts of drifting noise resemble each other; with so few of them the likeness itself cannot be
    # estimated well, so the whole scatter inside the halves counts as error of each part.
    error = float(stdtrit(degrees, CONFIDENCE)) * math.sqrt(variance * 2 / (PARTS // 2))
    return float(halves[1].mean() - halves[0].mean()), error


def _blocks(logs: Floats) -> tuple[Floats, int]:
    size = max(LEAST_BLOCK, -(-logs.size // MOST_BLOCKS))
    whole = logs[: logs.size - logs.size % size].reshape(-1, size)
    return np.median(whole, axis=1), size


def _changes(logs: Floats, least_share: float = 0.0) -> tuple[list[int], list[float]]:
    """Places where the level changes, and the level of each piece between them (one more than places); a piece has at
    least `least_share` of the series."""
    import ruptures

    blocks, size = _blocks(logs)
    least = max(LEAST_BLOCKS, math.ceil(least_share * blocks.size))
    if blocks.size < 2 * least:
        return [], [float(np.median(logs))]
    # Differences of neighbours see the noise without the steps.
    noise = 1.4826 * float(np.median(np.abs(np.diff(blocks)))) / math.sqrt(2)
    noise = max(noise, 1e-4)
    search = ruptures.KernelCPD(kernel="linear", min_size=least).fit(blocks.reshape(-1, 1))
    ends = [int(end) for end in search.predict(pen=PENALTY * math.log(blocks.size) * noise**2)]
    starts = [0, *ends[:-1]]
    levels = [float(np.median(blocks[start:end])) for start, end in zip(starts, ends, strict=True)]
    return [start * size for start in starts[1:]], levels


def _settled_at(logs: Floats, tolerance: float) -> int:
    """Where the start-up ends: after the last of the pieces at the beginning that lie above what follows them."""
    places, levels = _changes(logs)
    settled = 0
    for index, place in enumerate(places):
        rest = float(np.median(logs[place:]))
        if place > logs.size * LATEST_SETTLING or levels[index] - rest <= tolerance:
            break
        settled = place
    return settled


def _steps(logs: Floats, tolerance: float) -> list[int]:
    # A level that lasts for less than a part is noise of the kind that the interval of the change sees.
    places, levels = _changes(logs, 1 / PARTS)
    return [place for place, a, b in zip(places, levels[:-1], levels[1:], strict=True) if abs(b - a) > tolerance]
