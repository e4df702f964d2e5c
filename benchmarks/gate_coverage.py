"""What a gate of 50 cases answers, simulated on the noise of real machines: tables of docs/statistics.md, as Markdown.

    python benchmarks/gate_coverage.py [--pipelines 500]

Pairs of processes are simulated as in the tests (tests/harness/statistics/pair_simulation.py): two models of 100 ms
take turns by request. Their log ratios are drawn once for each machine, and pipelines are made of them.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harness" / "statistics"))

from gate_simulation import CASES, LIMIT, SESSIONS_SPREAD, measured_pipeline, stored_pipeline
from latency_models import Floats
from machine_noise import NOISES, MachineNoise
from pair_simulation import START_S, one_pair

from latency_bench.harness.statistics.session_spread import session_spread

_POOL = 3000
_SECONDS = 5.0
"""Of one pair of processes."""
_MOST_PAIRS = 60
_SLOWER = 1.05
_SESSIONS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pipelines", type=int, default=500, help="of 50 cases, a row")
    pipelines = parser.parse_args().pipelines
    print(f"{pipelines} pipelines of {CASES} cases a row; worse is more than {LIMIT:g} times the baseline\n")
    print(
        "| measured by pairs on | slower by 5 % | pipelines with a false alarm | slower ones found | others fine |",
        end="",
    )
    print(" pairs a case | minutes a case |\n|---|---|---|---|---|---|---|")
    for noise in NOISES:
        pool = _pool(noise)
        for slower in (0, 1, CASES):
            print(_by_pairs(noise.name, pool, slower, pipelines), flush=True)
    print("\n| stored runs, sessions spread by 5 % | change | pipelines with a case that is worse |\n|---|---|---|")
    for known in (False, True):
        for change in (1.0, 1.05, 1.15, 1.3):
            print(_stored(known, change, pipelines), flush=True)


def _pool(noise: MachineNoise) -> Floats:
    random = np.random.default_rng(1)
    return np.array([one_pair(random, noise, 0.0, _SECONDS, 0.1).log_ratio for _ in range(_POOL)])


def _by_pairs(machine: str, pool: Floats, slower: int, pipelines: int) -> str:
    random = np.random.default_rng(2)
    true = np.where(np.arange(CASES) < slower, math.log(_SLOWER), 0.0)
    false_alarms = found = fine = pairs = 0
    for _ in range(pipelines):
        answers, used = measured_pipeline(list(true[:, None] + random.choice(pool, (CASES, _MOST_PAIRS))))
        false_alarms += "worse" in answers[slower:]
        found += answers[:slower].count("worse")
        fine += answers[slower:].count("fine")
        pairs += sum(used)
    cases = pipelines * CASES
    cells = [
        machine,
        f"{slower} of {CASES}",
        f"{false_alarms / pipelines:.1%}" if slower < CASES else "-",
        f"{found / (pipelines * slower):.1%}" if slower else "-",
        f"{fine / (pipelines * (CASES - slower)):.1%}" if slower < CASES else "-",
        f"{pairs / cases:.0f}",
        f"{pairs / cases * (_SECONDS + START_S) / 60:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _stored(known: bool, change: float, pipelines: int) -> str:
    random = np.random.default_rng(3)
    failing = 0
    for _ in range(pipelines):
        levels = SESSIONS_SPREAD * random.standard_normal(_SESSIONS)
        spread = session_spread([levels.tolist()]) if known else None
        failing += "worse" in stored_pipeline(random, math.log(change), spread)
    what = f"known from {_SESSIONS} sessions" if known else "unknown"
    return f"| {what} | {change:g} | {failing / pipelines:.1%} |"


if __name__ == "__main__":
    main()
