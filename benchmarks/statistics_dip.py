"""The critical value of the dip test: sqrt(n) * dip of uniform samples, whose dips are the largest.

    python benchmarks/statistics_dip.py [--replications 20000]

harness/statistics/modality.py takes DIP_CRITICAL from the 0.999 quantile at the largest n of this table.
"""

from __future__ import annotations

import argparse

import numpy as np

from latency_bench.harness.statistics.modality import dip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--replications", type=int, default=20_000)
    replications = parser.parse_args().replications
    random = np.random.default_rng(1985)
    print("| n | 0.5 | 0.95 | 0.99 | 0.999 |\n|---|---|---|---|---|")
    for n in (20, 50, 200, 1000):
        scaled = [np.sqrt(n) * dip(np.sort(random.random(n))) for _ in range(replications)]
        print(f"| {n} | " + " | ".join(f"{q:.3f}" for q in np.quantile(scaled, [0.5, 0.95, 0.99, 0.999])) + " |")


if __name__ == "__main__":
    main()
