"""What `bench history` finds in simulated series of runs, and what it takes for a change where there is none.

    python benchmarks/history_changes.py --trials 200     a table in Markdown

A run is three rounds of 30 requests of 100 ms; its number scatters as the noise fitted to results/ has it
(tests/harness/statistics/machine_noise.py). Runs lie days apart, so that they are independent of each other but for
what is added: a step in the middle, a drift of 10 % from end to end, a level that wanders by 3 % and forgets itself
over a fifth of the series, or another machine, 20 % slower, from the middle on, which the records tell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harness" / "statistics"))
from latency_models import normal_ar1
from machine_noise import NOISES, MachineNoise

from latency_bench.harness.statistics.change_points import Change, level_changes

COUNTS = (30, 100, 300)
STEPS = (0.03, 0.05, 0.10)
_POOL = 1500


def run_noise(noise: MachineNoise, random: np.random.Generator) -> np.ndarray:
    """Log levels of runs: each the median of the medians of three rounds of 30 requests."""
    found = []
    for _ in range(_POOL):
        medians = [float(np.median(latencies)) for latencies in noise.rounds(random, 3, 30)]
        found.append(float(np.log(np.median(medians))))
    return np.array(found) - float(np.mean(found))


def changes_of(logs: np.ndarray, machines: Sequence[int] = ()) -> list[Change]:
    """As a history has them: every machine by itself. `machines`: where another one begins."""
    return [change for part in np.split(logs, list(machines)) for change in level_changes(part).changes]


def row(name: str, pool: np.ndarray, count: int, trials: int) -> str:
    """Shares of the trials: of each step that was found in its place, and of each calm or wandering series alarmed."""
    random = np.random.default_rng(count)
    draws = [random.choice(pool, count) for _ in range(trials)]
    middle = count // 2
    cells = []
    for step in STEPS:
        stepped = np.where(np.arange(count) >= middle, np.log1p(step), 0.0)
        cells.append(np.mean([_is_found(level_changes(noise + stepped).changes, middle) for noise in draws]))
    drift = np.linspace(0, np.log1p(0.10), count)
    wander = [0.03 * normal_ar1(random, 1, count, float(np.exp(-5 / count)))[0] for _ in range(trials)]
    replaced = np.where(np.arange(count) >= middle, np.log1p(0.20), 0.0)
    cells.append(np.mean([bool(changes_of(noise)) for noise in draws]))
    cells.append(np.mean([bool(changes_of(noise + drift)) for noise in draws]))
    cells.append(np.mean([bool(changes_of(noise + slow)) for noise, slow in zip(draws, wander, strict=True)]))
    cells.append(np.mean([bool(changes_of(noise + replaced, [middle])) for noise in draws]))
    return f"| {name} ({pool.std():.1%}) | {count} | " + " | ".join(f"{float(cell):.0%}" for cell in cells) + " |"


def _is_found(changes: Sequence[Change], place: int) -> bool:
    return any(change.earliest <= place <= change.latest for change in changes)


def main(trials: int, counts: Sequence[int] = COUNTS) -> None:
    steps = " | ".join(f"{step:.0%} found" for step in STEPS)
    print(f"| noise of a run | runs | {steps} | no change | drift of 10 % | wandering by 3 % | another machine |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for noise in NOISES:
        pool = run_noise(noise, np.random.default_rng(1))
        for count in counts:
            print(row(noise.name, pool, count, trials), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    main(parser.parse_args().trials)
