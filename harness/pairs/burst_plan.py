"""How the sides take turns: how long a burst is, and how many requests at its start belong to the change.

A small model that comes back to the processor finds its weights and code gone from the caches, and its first requests
are slower than those that follow each other; a model whose request takes ten milliseconds hardly notices. What happens
is measured in trial bursts before the pairs that count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from latency_bench.harness.pairs.blocks import SideRequests

Floats = npt.NDArray[np.float64]

LEAST_BLOCKS = 2
"""Of one pair of processes: each order of the sides once."""
USUAL_BLOCKS = 8
"""Of one pair: as many as its standard error needs (harness/statistics/block_ratio.py)."""
_SETTLING_S = 0.2
"""After the warm-ups, in which each side was alone: what taking turns changes has changed by then."""
_SETTLED_AT_ONCE_S = 2.0
"""A block that takes longer is moved by a tenth of itself at most, and two of them for nothing are too dear."""

EFFECT = 0.005
"""Half a per cent: a request that is slower by more, surely, is one of the change."""
_SURELY = 2.0
"""Standard errors."""
_MOST_KEPT = 64
_LONGEST_BURST_S = 0.25
"""Of what is kept: longer bursts are no neighbours any more."""
_SLOW_S = 1.0
"""Of a request: filling the caches anew is less than `EFFECT` of one that takes longer, and a trial has time for few of
them, whose noise looks like an effect."""
_CHEAP = 0.2
"""Of a request: a change that costs less is not worth leaving the neighbours for."""
_WORTH = 0.9
"""A longer burst has to make the variance fall by a tenth faster: neighbours are worth more than little."""
_ALIKE = 2.0
"""Latencies whose ratio is at most this are those of sides that take the same turns."""
_SPINNING_S = 0.0005
"""Processor time a change that an idle side may use: reading a command costs some tenths of a millisecond."""


@dataclass(frozen=True)
class SidePlan:
    """`first_request`: how much longer the first request after a change takes than the rest of its burst (1.2: by a
    fifth), as the trial had it."""

    latency_s: float
    discarded: int
    kept: int
    first_request: float

    @property
    def requests(self) -> int:
        return self.discarded + self.kept


@dataclass(frozen=True)
class BurstPlan:
    """One entry a side."""

    sides: tuple[SidePlan, ...]
    pause_s: float

    @property
    def block_s(self) -> float:
        """About what one burst of every side takes."""
        return sum(side.requests * side.latency_s + self.pause_s for side in self.sides)

    @property
    def settling_blocks(self) -> int:
        """How many at the start of a pair do not count; an even number."""
        if self.block_s > _SETTLED_AT_ONCE_S:
            return 0
        return max(2, min(100, 2 * math.ceil(_SETTLING_S / self.block_s / 2)))

    def blocks_in(self, seconds: float) -> int:
        """How many blocks a pair of that length has to have: the usual number, or the fewer that it has time for."""
        return max(LEAST_BLOCKS, min(USUAL_BLOCKS, round(seconds / self.block_s)))

    @property
    def by_request(self) -> bool:
        """Whether the sides alternate by single requests."""
        return all(side.requests == 1 for side in self.sides)


def plan_bursts(
    trial: Sequence[SideRequests],
    alone_ns: Sequence[Floats],
    change_s: float,
    idle_s_per_change: Sequence[float],
    threads: int,
) -> BurstPlan:
    """From trial bursts, each side's latencies alone in order (its settled warm-up), the time between two bursts, and
    the processor time that each side used a change while it had no turn."""
    sides = [_side_plan(one, alone, change_s) for one, alone in zip(trial, alone_ns, strict=True)]
    spinning_s = max(idle_s_per_change)
    # Threads that spin on after a request do so side by side; twice as long as they do, to be sure.
    pause_s = 0.0 if spinning_s <= _SPINNING_S else 2 * spinning_s / max(1, threads - 1)
    return BurstPlan(tuple(_like_its_like(side, sides) for side in sides), pause_s)


def _like_its_like(side: SidePlan, sides: Sequence[SidePlan]) -> SidePlan:
    """With the largest of what sides of about its latency have: what is left of the change is then the same for them,
    and a trial that was disturbed makes no difference between them."""
    alike = [one for one in sides if 1 / _ALIKE <= one.latency_s / side.latency_s <= _ALIKE]
    return replace(side, discarded=max(one.discarded for one in alike), kept=max(one.kept for one in alike))


def _side_plan(trial: SideRequests, alone_ns: Floats, change_s: float) -> SidePlan:
    changed = trial.after_change[trial.settled].reshape(-1, trial.burst_size)[:, 0]
    logs = np.log(trial.by_burst()[changed] if changed.any() else trial.by_burst())
    effects, errors = _effects(logs)
    discarded = _of_the_change(effects, errors)
    latency_s = float(np.median(trial.by_burst()[:, discarded:])) / 1e9
    if latency_s > _SLOW_S:
        discarded = 0
    kept = _kept(alone_ns, discarded + change_s / latency_s, latency_s)
    return SidePlan(latency_s, discarded, kept, math.exp(float(effects[0])))


def _effects(logs: Floats) -> tuple[Floats, Floats]:
    """By position in the burst: how far its log latency lies above the later half of the same burst, and the standard
    error of that. Within one burst the machine is the same."""
    later = logs[:, (logs.shape[1] + 1) // 2 :]
    above = logs - np.median(later, axis=1)[:, None]
    centre = np.median(above, axis=0)
    spread = np.median(np.abs(above - centre), axis=0) / 0.6745
    return centre, 1.2533 * spread / math.sqrt(logs.shape[0])


def _of_the_change(effects: Floats, errors: Floats) -> int:
    """How many requests at the start of a burst are slower, surely and by more than half a per cent, up to the first
    that is not. The later half is the measure and cannot be."""
    count = 0
    while count < (effects.size + 1) // 2 and effects[count] > max(EFFECT, _SURELY * errors[count]):
        count += 1
    return count


def _kept(alone_ns: Floats, change: float, latency_s: float) -> int:
    """The size for which the ratio's variance falls fastest over time; `change` is what one costs, in requests.

    Twice as many requests a burst halve the white noise of its median, and pay for the change once; but the machine
    drifts meanwhile. Both are in how much the medians of adjacent stretches of the side alone differ.
    """
    if change < _CHEAP:
        return 1
    most = max(1, min(_MOST_KEPT, int(_LONGEST_BURST_S / latency_s)))
    best, lowest = 1, math.inf
    size = 1
    while size <= most and alone_ns.size >= 8 * size:
        stretches = np.log(np.median(alone_ns[: alone_ns.size // size * size].reshape(-1, size), axis=1))
        cost = float(np.median(np.abs(np.diff(stretches)))) ** 2 * (size + change)
        if cost < _WORTH * lowest:
            best, lowest = size, cost
        size *= 2
    return best
