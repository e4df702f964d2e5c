"""Whole paired measurements on a machine's noise, with the stopping rule that the harness uses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from latency_models import Random
from machine_noise import MachineNoise

from latency_bench.harness.statistics.block_ratio import BlockRatio, block_ratio
from latency_bench.harness.statistics.pair_components import best_seconds, components
from latency_bench.harness.statistics.paired_ratio import PairedRatio, is_narrow, next_look, paired_ratio, verdict
from latency_bench.harness.statistics.start_order import without_start_order

START_S = 3.5
"""What the processes of a pair cost before they alternate."""
FIRST_S = 4.0
LEAST_S, MOST_S = 2.0, 60.0
BETWEEN = 0.005


@dataclass(frozen=True)
class PairedTrial:
    """One measurement: what it found, whether the interval was as narrow as asked, and what it took."""

    found: PairedRatio
    narrow: bool
    minutes: float


def balanced_orders(random: Random, blocks: int) -> np.ndarray:
    """Whether B comes first in each block: each order once in every two blocks, in random order."""
    firsts = random.random(blocks // 2 + 1) < 0.5
    return np.stack([firsts, ~firsts], axis=1).ravel()[:blocks]


def one_pair(
    random: Random, noise: MachineNoise, log_ratio: float, seconds: float, latency_s: float, between: float = BETWEEN
) -> BlockRatio:
    """Two live processes that take turns by request for so many seconds."""
    blocks = max(8, round(seconds / (2 * latency_s)))
    machine = noise.shared(random, 2 * blocks, latency_s).reshape(blocks, 2)
    white = noise.white * random.standard_normal((blocks, 2))
    b_first = balanced_orders(random, blocks)
    in_order = machine + white
    own = log_ratio + between * random.standard_normal()
    log_a = np.where(b_first, in_order[:, 1], in_order[:, 0])
    log_b = np.where(b_first, in_order[:, 0], in_order[:, 1]) + own
    return block_ratio(log_a, log_b, b_first)


def measure(
    random: Random,
    noise: MachineNoise,
    *,
    log_ratio: float = 0.0,
    within: float = 0.01,
    latency_s: float = 0.1,
    most_minutes: float = 60.0,
    between: float = BETWEEN,
    start_effect: float = 0.0,
) -> PairedTrial:
    """Fresh pairs until the interval is narrow, looked at as often as the harness looks, or the time is over.
    `start_effect`: what starting first costs in every pair; the order goes round."""
    pairs: list[BlockRatio] = []
    lengths_s: list[float] = []
    seconds, look = FIRST_S, next_look(0)
    while True:
        later = [index % 2 == 0 for index in range(len(pairs) + 1)]
        own = log_ratio + (-start_effect if later[-1] else start_effect)
        pairs.append(one_pair(random, noise, own, seconds, latency_s, between))
        lengths_s.append(seconds)
        logs = without_start_order([one.log_ratio for one in pairs], later)
        minutes = (sum(lengths_s) + START_S * len(pairs)) / 60
        if len(pairs) >= look or minutes >= most_minutes:
            found = paired_ratio(logs)
            if is_narrow(found, within) or minutes >= most_minutes:
                return PairedTrial(found, is_narrow(found, within), minutes)
            look = next_look(len(pairs))
        split = components(logs, [one.standard_error for one in pairs], lengths_s)
        if split is not None:
            seconds = best_seconds(split, START_S, LEAST_S, MOST_S)


def verdicts(
    random: Random,
    noise: MachineNoise,
    trials: int,
    *,
    log_ratio: float,
    within: float = 0.01,
    start_effect: float = 0.0,
) -> Counter:
    """How often each verdict was given; `covered` counts intervals that held the truth, `minutes` adds up."""
    counts: Counter = Counter()
    for _ in range(trials):
        trial = measure(random, noise, log_ratio=log_ratio, within=within, start_effect=start_effect)
        assert trial.found.low is not None
        assert trial.found.high is not None
        counts[verdict(trial.found, within)] += 1
        counts["covered"] += bool(trial.found.low <= np.exp(log_ratio) <= trial.found.high)
        counts["minutes"] += trial.minutes
        counts["pairs"] += trial.found.process_pairs
    return counts
