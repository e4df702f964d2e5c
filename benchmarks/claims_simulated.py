"""How often each verdict on a claim is given, on simulated evidence whose true factor is known.

    python benchmarks/claims_simulated.py --trials 1000     a table in Markdown

Two models of 100 ms are measured on one machine, their rounds interleaved in random order: each round a fresh process
(which spreads by 0.5 %) that takes 3.5 s to start and then 30 requests. The noise is that fitted to the samples in
results/ (tests/harness/statistics/machine_noise.py). The claim is a factor of 1.5.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harness" / "statistics"))
from machine_noise import NOISES, MachineNoise

from latency_bench.reports.attention_ratios import ratio_of
from latency_bench.reports.claims.claim_verdicts import PublishedFactor, judge

PUBLISHED = PublishedFactor.parse("1.5")
FACTORS = (1.0, 1.2, 1.5, 2.0)
ROUNDS = (3, 4, 9)
NO_VERDICT = "no interval"
VERDICTS = (
    *("undecided", "contradicted", "same direction, size undecided", "reproduced"),
    *("same direction, smaller", "same direction, larger", NO_VERDICT),
)
_REQUESTS = 30


def evidence(random: np.random.Generator, noise: MachineNoise, rounds: int, factor: float) -> tuple[list[float], ...]:
    """Medians of the rounds of the baseline and of the candidate, which is `factor` times as fast."""
    latencies = noise.rounds(random, 2 * rounds, _REQUESTS)
    medians: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for place, side in enumerate(random.permutation(2)):
            level = 1.0 if side else factor
            medians[side].append(level * float(np.median(latencies[2 * number + place])))
    return medians


def verdict_counts(noise: MachineNoise, rounds: int, factor: float, trials: int) -> Counter[str]:
    """By verdict."""
    random = np.random.default_rng(rounds)
    counts: Counter[str] = Counter()
    for _ in range(trials):
        baseline, candidate = evidence(random, noise, rounds, factor)
        _, low, high = ratio_of(baseline, candidate)
        counts[NO_VERDICT if low is None or high is None else judge(PUBLISHED, low, high)] += 1
    return counts


def main(trials: int) -> None:
    print("| noise | rounds | true factor | " + " | ".join(VERDICTS) + " |")
    print("| :--- | ---: | ---: |" + " ---: |" * len(VERDICTS))
    for noise in NOISES:
        for rounds in ROUNDS:
            for factor in FACTORS:
                counts = verdict_counts(noise, rounds, factor, trials)
                shares = " | ".join(f"{counts[name] / trials:.1%}" for name in VERDICTS)
                print(f"| {noise.name} | {rounds} | {factor:g} | {shares} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    main(parser.parse_args().trials)
