"""Repeats a measurement many times on a latency model, and counts how often the statistics were right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from latency_models import INDEPENDENT, Floats, LatencyModel, Random, processes
from machine_noise import MachineNoise

from bench_worker.stopping import LOOK_GROWTH, median_interval_rank
from latency_bench.harness.statistics.comparison import Comparison, compare
from latency_bench.harness.statistics.intervals import MedianEstimate, median_interval, process_interval


@dataclass(frozen=True)
class Coverage:
    """Of `trials` intervals, `given` existed and `hits` of them held the true median."""

    trials: int
    given: int
    hits: int
    relative_half_width: float
    effective_share: float

    @property
    def share(self) -> float:
        return self.hits / self.given

    @property
    def error(self) -> float:
        """One binomial standard error of `share`."""
        return float(np.sqrt(self.share * (1 - self.share) / self.given))


def _count(estimates: list[MedianEstimate], truth: float) -> Coverage:
    given = [e for e in estimates if e.low is not None and e.high is not None]
    return Coverage(
        trials=len(estimates),
        given=len(given),
        hits=sum(e.low <= truth <= e.high for e in given),
        relative_half_width=float(np.median([e.relative_half_width for e in given])),
        effective_share=float(np.mean([e.n_effective / e.n for e in estimates])),
    )


def coverage_of_one_round(random: Random, model: LatencyModel, n: int, trials: int) -> Coverage:
    """How often the interval of one process with n samples holds the model's median."""
    return _count([process_interval(series) for series in model.draw(random, trials, n)], model.median)


def coverage_of_rounds(
    random: Random, rounds: int, n: int, trials: int, *, between: float, model: LatencyModel = INDEPENDENT
) -> Coverage:
    """How often the interval over `rounds` processes holds the median of the typical process; that of a single process
    is its own, which a run does not state."""
    runs = [processes(random, rounds, n, between=between, model=model) for _ in range(trials)]
    estimates = [median_interval(run) if rounds > 1 else process_interval(run[0]) for run in runs]
    return _count(estimates, model.median)


def stopped_by_precision(samples: Floats, *, asked: float, least: int, confidence: float = 0.95) -> int:
    """The count at which the worker would stop: it looks from `least` on, at counts that grow by a quarter."""
    look = least
    while look < samples.size:
        rank = median_interval_rank(look, confidence)
        ordered = np.sort(samples[:look])
        if rank and ordered[look - rank] - ordered[rank - 1] <= asked * np.median(ordered):
            return look
        look = max(look + 1, int(look * LOOK_GROWTH))
    return samples.size


def coverage_of_sequential_stop(
    random: Random, model: LatencyModel, trials: int, *, asked: float = 0.01, least: int = 30, most: int = 4000
) -> Coverage:
    """How often the interval reported after stopping by precision holds the model's median."""
    estimates = []
    for series in model.draw(random, trials, most):
        estimates.append(process_interval(series[: stopped_by_precision(series, asked=asked, least=least)]))
    return _count(estimates, model.median)


def compare_simulated(
    random: Random,
    *,
    shift: float,
    between: float,
    drift: float = 0.0,
    interleaved: bool = True,
    rounds: int = 9,
    n: int = 300,
) -> Comparison:
    """A against B, slower by `shift`, on one wandering machine: in random order, or all of A before all of B."""
    order = random.permutation(2 * rounds) if interleaved else np.arange(2 * rounds)
    ran = processes(random, 2 * rounds, n, between=between, drift=drift)
    a = [ran[place] for place in order[:rounds]]
    b = [ran[place] * (1 + shift) for place in order[rounds:]]
    return compare(a, b)


def coverage_on_a_machine(random: Random, noise: MachineNoise, rounds: int, n: int, trials: int) -> Coverage:
    """As `coverage_of_rounds`, with rounds one after the other on a machine whose speed wanders."""
    return _count([median_interval(noise.rounds(random, rounds, n)) for _ in range(trials)], 1.0)


def verdicts_on_a_machine(
    random: Random, noise: MachineNoise, pairs: int, *, shift: float, rounds: int = 9, n: int = 30
) -> Counter[str]:
    """As `verdicts`, of rounds in random order on a machine whose speed wanders."""

    def once() -> Comparison:
        ran, order = noise.rounds(random, 2 * rounds, n), random.permutation(2 * rounds)
        return compare([ran[place] for place in order[:rounds]], [ran[place] * (1 + shift) for place in order[rounds:]])

    return _counted((once() for _ in range(pairs)), shift)


def verdicts(
    random: Random, pairs: int, *, shift: float, between: float, drift: float = 0.0, interleaved: bool = True
) -> Counter[str]:
    """How often each verdict was given; `beyond` and `within` the threshold are counted as well."""
    how = {"shift": shift, "between": between, "drift": drift, "interleaved": interleaved}
    return _counted((compare_simulated(random, **how) for _ in range(pairs)), shift)


def _counted(comparisons: Iterable[Comparison], shift: float) -> Counter[str]:
    counts: Counter[str] = Counter()
    for found in comparisons:
        counts[found.verdict] += 1
        counts["beyond"] += found.beyond_threshold
        counts["within"] += found.within_threshold
        covered = found.low is not None and found.high is not None and found.low <= 1 + shift <= found.high
        counts["covered"] += covered
    return counts
