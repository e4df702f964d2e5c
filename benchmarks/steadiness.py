"""Verdicts on steadiness: on simulated processes, with the error of the reported median, and on stored runs.

    python benchmarks/steadiness.py                  simulated rounds of 30 to 3,000 requests, a table in Markdown
    python benchmarks/steadiness.py --store results  how far rounds lie from their siblings, by verdict

The processes are those of tests/harness/statistics/test_steadiness.py; the last three are fitted to the samples in
results/ (tests/harness/statistics/machine_noise.py).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harness" / "statistics"))
from machine_noise import NOISES
from test_steadiness import PROCESSES

from latency_bench.harness.statistics.steadiness import judge_steadiness
from latency_bench.harness.store.errors import StoreError
from latency_bench.harness.store.reader import open_run, run_names

COUNTS = (30, 150, 600, 3000)
REPEATS = 200


def simulated() -> None:
    processes = {**PROCESSES, **{noise.name: noise.series for noise in NOISES}}
    print("| process | requests | steady | drifting or stepping | cannot tell | median's error where called steady |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: |")
    for name, draw in processes.items():
        for n in COUNTS:
            random = np.random.default_rng(n)
            counted: Counter[str] = Counter()
            errors = []
            for _ in range(REPEATS):
                samples = np.exp(draw(random, n))
                judged = judge_steadiness(samples)
                counted[judged.verdict] += 1
                if judged.verdict == "steady":
                    errors.append(abs(float(np.median(samples[judged.settled_at :])) - 1))
            shares = [counted["steady"], counted["drifting"] + counted["stepping"], counted["unknown"]]
            worst = f"{np.mean(errors):.2%}" if errors else "-"
            print(f"| {name} | {n} | {' | '.join(f'{share / REPEATS:.0%}' for share in shares)} | {worst} |")


def stored(store: Path) -> None:
    distances: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name in run_names(store):
        try:
            run = open_run(store, name.rpartition("/")[2])
            stages = run.samples()
        except StoreError:
            continue
        rounds: dict[int, dict[bool, np.ndarray]] = defaultdict(dict)
        for stage in stages:
            rounds[stage.round][stage.warmup] = stage.latency_ns.astype(np.float64)
        medians = {
            index: float(np.median(parts[False])) for index, parts in rounds.items() if len(parts.get(False, ()))
        }
        if len(medians) < 3:
            continue
        for index, median in medians.items():
            verdict = judge_steadiness(rounds[index][False], rounds[index].get(True)).verdict
            siblings = float(np.median([other for place, other in medians.items() if place != index]))
            distances[run.record.device.name, verdict].append(abs(float(np.log(median / siblings))))
    print("| device | verdict | rounds | median distance from the siblings |")
    print("| :--- | :--- | ---: | ---: |")
    for (device, verdict), values in sorted(distances.items()):
        print(f"| {device} | {verdict} | {len(values)} | {np.median(values):.1%} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, help="judge the rounds of this store instead")
    arguments = parser.parse_args()
    stored(arguments.store) if arguments.store else simulated()
