"""What paired ratios promise, simulated on the noise of real machines: the tables of docs/statistics.md, as Markdown.

    python benchmarks/paired_coverage.py [--trials 2000]

Noise and measurement are those of the tests (tests/harness/statistics/machine_noise.py, pair_simulation.py).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harness" / "statistics"))

from latency_models import Floats, Random
from machine_noise import NOISES
from pair_simulation import verdicts
from scipy.special import stdtrit

from latency_bench.harness.statistics.paired_ratio import COMPUTED_CONFIDENCE, next_look
from latency_bench.harness.statistics.signed_rank import hodges_lehmann_interval
from latency_bench.harness.statistics.start_order import without_start_order

_VERDICTS = ("slower", "faster", "no difference shown", "cannot tell")
_SPREAD = 0.01
_MOST = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=2000, help="simulated measurements a row")
    trials = parser.parse_args().trials
    print(f"{trials} measurements a row\n")
    _whole_measurements(trials)
    _which_interval(trials)
    _start_order(trials)


def _whole_measurements(trials: int) -> None:
    print("Two models of 100 ms, stopped when the interval of the ratio is as narrow as asked\n")
    print("| noise | true ratio | asked | covered | " + " | ".join(_VERDICTS) + " | pairs | minutes |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for noise in NOISES:
        for within in (0.03, 0.01):
            for shift in (0.0, 0.01, 0.03, 0.05):
                counts = verdicts(np.random.default_rng(1), noise, trials, log_ratio=math.log1p(shift), within=within)
                cells = " | ".join(f"{counts[name] / trials:.1%}" for name in ("covered", *_VERDICTS))
                cost = f"{counts['pairs'] / trials:.0f} | {counts['minutes'] / trials:.1f}"
                print(f"| {noise.name} | {1 + shift:g} | {within:.0%} | {cells} | {cost} |", flush=True)


def _which_interval(trials: int) -> None:
    """Pairs that scatter normally, and pairs of which one in seven was disturbed and scatters six times as much."""
    print("\nWhich interval, stopped by its own width: covered (pairs it took)\n")
    methods: dict[str, Callable[[Floats], tuple[float, float] | None]] = {
        "t, 95 %": lambda values: _t_interval(values, 0.95),
        "signed ranks, 95 %": lambda values: hodges_lehmann_interval(values, 0.95),
        "signed ranks, 96.5 %": lambda values: hodges_lehmann_interval(values, COMPUTED_CONFIDENCE),
    }
    print(f"| pairs | asked, in spreads of a pair | {' | '.join(methods)} |")
    print("|---|---|---|---|---|")
    for name, draw in (("normal", _normal), ("one in seven disturbed", _disturbed)):
        for width in (1.6, 1.3, 1.1, 0.9, 0.7):
            random = np.random.default_rng(2)
            cells = [_stopped(random, draw, width * _SPREAD, interval, trials) for interval in methods.values()]
            print(f"| {name} | {width} | {' | '.join(cells)} |", flush=True)


def _start_order(trials: int) -> None:
    """What starting first costs, in spreads of a pair: left in, and taken out."""
    print("\nThe order of starting, stopped at 0.9 spreads of a pair: covered (pairs it took)\n")
    print("| starting first costs, in spreads of a pair | left in | taken out |\n|---|---|---|")
    later = [index % 2 == 0 for index in range(_MOST)]

    def interval(values: Floats) -> tuple[float, float] | None:
        return hodges_lehmann_interval(values, COMPUTED_CONFIDENCE)

    def without(values: Floats) -> tuple[float, float] | None:
        return interval(np.array(without_start_order(values.tolist(), later[: values.size])))

    for effect in (0.0, 0.5, 1.5, 3.0):
        shift = effect * _SPREAD * np.where(later, -1.0, 1.0)
        random = np.random.default_rng(3)
        cells = [
            _stopped(random, lambda generator, shift=shift: _normal(generator) + shift, 0.9 * _SPREAD, method, trials)
            for method in (interval, without)
        ]
        print(f"| {effect:g} | {' | '.join(cells)} |", flush=True)


def _stopped(
    random: Random,
    draw: Callable[[Random], Floats],
    width: float,
    interval: Callable[[Floats], tuple[float, float] | None],
    trials: int,
) -> str:
    covered = taken = 0
    for _ in range(trials):
        values = draw(random)
        count = next_look(0)
        while True:
            limits = interval(values[:count])
            assert limits is not None
            if limits[1] - limits[0] <= width or count >= _MOST:
                break
            count = min(_MOST, next_look(count))
        covered += limits[0] <= 0 <= limits[1]
        taken += count
    return f"{covered / trials:.1%} ({taken / trials:.0f})"


def _normal(random: Random) -> Floats:
    return _SPREAD * random.standard_normal(_MOST)


def _disturbed(random: Random) -> Floats:
    return _normal(random) * np.where(random.random(_MOST) < 1 / 7, 6.0, 1.0)


def _t_interval(values: Floats, confidence: float) -> tuple[float, float]:
    half = float(stdtrit(values.size - 1, (1 + confidence) / 2)) * float(values.std(ddof=1)) / math.sqrt(values.size)
    return float(values.mean()) - half, float(values.mean()) + half


if __name__ == "__main__":
    main()
