"""Runs of one model in order of their latency, ties said: no run is placed behind another that it was not shown to be
slower than."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latency_bench.harness.statistics.comparison import CONFIDENCE, Comparison, compare_many
from latency_bench.harness.statistics.rank_test import pairs_outside
from latency_bench.harness.store.reader import StoredRun
from latency_bench.harness.units import NS_PER_MS


@dataclass(frozen=True)
class Ranked:
    """One run with numbers. `place` counts from 1; runs that are tied share it. `against_fastest`: its latency over
    that of the run with the smallest median; None for that run itself."""

    run: StoredRun
    place: int
    against_fastest: Comparison | None


@dataclass(frozen=True)
class Ranking:
    """`refused` have no numbers: they failed, or do not compute the model."""

    ranked: tuple[Ranked, ...]
    refused: tuple[StoredRun, ...]

    def tied_with(self, one: Ranked) -> tuple[Ranked, ...]:
        """The others of the same place."""
        return tuple(other for other in self.ranked if other.place == one.place and other is not one)


def ranking(runs: Sequence[StoredRun]) -> Ranking:
    """Order runs by the median of their rounds. A run takes a new place where the 95 % interval of its ratio to the
    first one of the place before lies wholly above 1; else it shares that place. All comparisons are of two sets of
    rounds by ranks (statistics/comparison.py). Raises BrokenRunError for samples that cannot be read."""
    measured = sorted((run for run in runs if run.record.summary is not None), key=_median_ms)
    rounds = [[block.latency_ns / NS_PER_MS for block in run.samples() if not block.warmup] for run in measured]
    ranked: list[Ranked] = []
    leader = 0
    for position, run in enumerate(measured):
        if position == 0:
            ranked.append(Ranked(run, 1, None))
            continue
        found = compare_many(
            {
                "fastest": (rounds[0], rounds[position], ()),
                "leader": (rounds[leader], rounds[position], ()),
            }
        )
        if found["leader"].direction == "slower":
            leader = position
        ranked.append(Ranked(run, leader + 1, found["fastest"]))
    return Ranking(tuple(ranked), tuple(run for run in runs if run.record.summary is None))


def least_rounds() -> int:
    """The fewest rounds of each run with which a ratio has an interval."""
    return next(count for count in range(1, 100) if pairs_outside(count, count, CONFIDENCE) >= 0)


def _median_ms(run: StoredRun) -> float:
    assert run.record.summary is not None
    return run.record.summary.latency.median_ms
