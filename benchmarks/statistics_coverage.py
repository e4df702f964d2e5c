"""What the statistics promise, simulated: the tables of docs/statistics.md, as Markdown.

    python benchmarks/statistics_coverage.py [--trials 4000] [--pairs 1000]

The latency models are those of the tests (tests/harness/statistics/latency_models.py).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harness" / "statistics"))

from latency_models import (
    COARSELY_QUANTISED,
    MODELS,
    STRONGLY_AUTOCORRELATED,
    LatencyModel,
)
from machine_noise import NOISES
from simulation import (
    Coverage,
    coverage_of_one_round,
    coverage_of_rounds,
    coverage_of_sequential_stop,
    coverage_on_a_machine,
    verdicts,
    verdicts_on_a_machine,
)

EVERY_MODEL = (*MODELS, COARSELY_QUANTISED, STRONGLY_AUTOCORRELATED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=4000, help="simulated runs a cell of the coverage tables")
    parser.add_argument("--pairs", type=int, default=1000, help="simulated comparisons a row")
    options = parser.parse_args()
    print(f"{options.trials} runs a cell, {options.pairs} comparisons a row\n")
    _one_round(options.trials)
    _rounds(options.trials)
    _sequential(options.trials)
    _comparisons(options.pairs)
    _machines(options.trials // 4)
    _comparisons_on_machines(options.pairs)


def _cell(found: Coverage) -> str:
    missing = "" if found.given == found.trials else f" ({found.trials - found.given} without)"
    return f"{found.share:.1%}{missing}"


def _one_round(trials: int) -> None:
    counts = (30, 100, 300, 1000)
    print("One process: coverage of the nominal 95 % interval of its own median\n")
    print("| latencies | " + " | ".join(f"n = {n}" for n in counts) + " | effective of 1000 |")
    print("|---|" + "---|" * (len(counts) + 1))
    for model in EVERY_MODEL:
        random = np.random.default_rng(1)
        found = [coverage_of_one_round(random, model, n, trials) for n in counts]
        print(
            f"| {model.name} | {' | '.join(map(_cell, found))} | {found[-1].effective_share * 1000:.0f} |", flush=True
        )


def _rounds(trials: int) -> None:
    print("\nSeveral rounds of 100 samples: coverage for the typical process, and the half width\n")
    print("| rounds | independent samples, processes spread by 1 % | half width | no spread between processes |")
    print("|---|---|---|---|")
    for rounds in (1, 2, 3, 5, 6, 9, 20):
        random = np.random.default_rng(2)
        spread = coverage_of_rounds(random, rounds, 100, trials, between=0.01)
        equal = coverage_of_rounds(random, rounds, 100, trials, between=0.0)
        print(f"| {rounds} | {_cell(spread)} | {spread.relative_half_width:.2%} | {_cell(equal)} |", flush=True)


def _sequential(trials: int) -> None:
    print("\nStopped by precision (1 %, looks at counts growing by a quarter from 30): coverage of what is reported\n")
    print("| latencies | coverage | half width reported |\n|---|---|---|")
    models: tuple[LatencyModel, ...] = EVERY_MODEL
    for model in models:
        found = coverage_of_sequential_stop(np.random.default_rng(3), model, trials)
        print(f"| {model.name} | {_cell(found)} | {found.relative_half_width:.2%} |", flush=True)


def _comparisons(pairs: int) -> None:
    print("\n9 against 9 rounds of 300 AR(1) samples, threshold 3 %, p < 0.002\n")
    print("| true shift | spread | drift | order | slower | faster | within 3 % | beyond 3 % | ratio covered |")
    print("|---|---|---|---|---|---|---|---|---|")
    rows = [(0.0, 0.01, 0.0, True), (0.0, 0.01, 0.01, True), (0.0, 0.02, 0.02, True), (0.0, 0.03, 0.05, True)]
    rows += [(shift, 0.01, 0.0, True) for shift in (0.01, 0.02, 0.03, 0.035, 0.04, 0.05, 0.07)]
    rows += [(0.0, 0.01, 0.01, False), (0.0, 0.02, 0.02, False)]
    for shift, between, drift, interleaved in rows:
        random = np.random.default_rng(4)
        counts = verdicts(random, pairs, shift=shift, between=between, drift=drift, interleaved=interleaved)
        names = ("slower", "faster", "within", "beyond", "covered")
        shares = " | ".join(f"{counts[name] / pairs:.1%}" for name in names)
        order = "interleaved" if interleaved else "A, then B"
        print(f"| {shift:.1%} | {between:.0%} | {drift:.0%} | {order} | {shares} |", flush=True)


def _machines(trials: int) -> None:
    print(
        f"\nRounds of 30 requests of 100 ms on the machines of results/, {trials} runs a cell: coverage, half width\n"
    )
    counts = (2, 3, 5, 6, 9, 20)
    print("| noise | " + " | ".join(f"{rounds} rounds" for rounds in counts) + " |")
    print("|---|" + "---|" * len(counts))
    for noise in NOISES:
        found = [coverage_on_a_machine(np.random.default_rng(5), noise, rounds, 30, trials) for rounds in counts]
        cells = " | ".join(f"{_cell(one)}, {one.relative_half_width:.1%}" for one in found)
        print(f"| {noise.name} | {cells} |", flush=True)


def _comparisons_on_machines(pairs: int) -> None:
    print("\n9 against 9 interleaved rounds of 30 requests on the same machines, threshold 3 %, p < 0.002\n")
    print("| noise | true shift | slower | faster | within 3 % | beyond 3 % | ratio covered |")
    print("|---|---|---|---|---|---|---|")
    for noise in NOISES:
        for shift in (0.0, 0.03, 0.05, 0.10):
            counts = verdicts_on_a_machine(np.random.default_rng(6), noise, pairs, shift=shift)
            names = ("slower", "faster", "within", "beyond", "covered")
            shares = " | ".join(f"{counts[name] / pairs:.1%}" for name in names)
            print(f"| {noise.name} | {shift:.0%} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
