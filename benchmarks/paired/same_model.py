"""The same model against itself, again and again: what a pair says of a ratio that is 1.

python benchmarks/paired/same_model.py --repeats 20 --budget-minutes 60
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence

from measured_steps import Effort, Result, Step, main
from pair_steps import CLASSIFIER, figures, markdown, measured_pair, width

NAME = "the same model twice"
_SIDE = f"{CLASSIFIER}@litert"
_FALSE = ("faster", "slower")
_NEAR = 0.01


def steps(effort: Effort) -> list[Step]:
    """One pair a repeat, each with another order."""
    return [_step(number, effort) for number in range(effort.repeats)]


def _step(number: int, effort: Effort) -> Step:
    def measure() -> Result:
        return figures(measured_pair([_SIDE, _SIDE], effort, seed=number))

    # A few at once, the others in between what else is measured.
    return Step(f"pair {number + 1}", rank=number, minutes=effort.minutes + 0.4, measure=measure)


def table(results: Sequence[Result]) -> str:
    """One row."""
    ratios = [one["ratio"] for one in results]
    wrong = [one["verdict"] for one in results if one["verdict"] in _FALSE]
    near = sum(abs(ratio - 1) <= _NEAR for ratio in ratios)
    row = [
        CLASSIFIER,
        str(len(results)),
        str(len(wrong)),
        f"{near} of {len(ratios)}",
        f"{min(ratios):.4f} to {max(ratios):.4f}",
        f"{statistics.median(map(width, results)):.2%}",
        f"{statistics.median(one['minutes'] for one in results):.1f}",
    ]
    headings = ("model", "pairs", "false verdicts", "within 1 % of 1", "ratios", "interval, median", "minutes each")
    return markdown(headings, [row])


if __name__ == "__main__":
    main([sys.modules[__name__]], __doc__)
