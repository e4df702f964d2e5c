"""Models that are about 3, 6 and 13 % slower by construction, beside a neighbour that keeps a core busy half of the
time: how often does a pair find them within its time, and how often do rounds of the same length?

    python benchmarks/paired/slower_by_construction.py --repeats 10 --minutes 2 --budget-minutes 180

How much slower a file really is comes from one long pair without the neighbour.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from busy_core import half_busy_core
from measured_steps import Effort, Result, Step, main
from pair_steps import CLASSIFIER, figures, markdown, measured_pair, width, words
from rounds_beside import Rounds
from rounds_beside import width as width_of_rounds
from slower_file import exported, write_slower

from latency_bench.harness.case import Case
from latency_bench.harness.cli.pair import pair_request

NAME = "slower by construction"
SLOWDOWNS = {"3%": 48, "6%": 96, "13%": 176}
"""Channels of the extra work by what it comes to on the machine of docs/benchmarks.md. ONNX Runtime computes sixteen
channels at a time: 37 of them cost more than 48."""
_WITH_ROUNDS = 3
"""Trials of each slowdown that measure rounds too: they cost as long again, and their intervals hardly differ."""
_RUNTIME = "onnxruntime"


def steps(effort: Effort) -> list[Step]:
    """The true ratio of each file, then trials of each in turn."""
    found = []
    for place, slowdown in enumerate(SLOWDOWNS):
        known = _with_files(effort, slowdown, _known)
        found.append(Step(_truth(slowdown), 2.1 + place / 100, 2 * effort.minutes + 0.4, known))
        for number in range(effort.repeats):
            measure = _with_files(effort, slowdown, _trial, number)
            rank = number + 1.6 + place / 100
            minutes = (2 if number < _WITH_ROUNDS else 1) * effort.minutes + 0.8
            found.append(Step(f"{slowdown}, trial {number + 1}", rank, minutes, measure))
    return found


def _truth(slowdown: str) -> str:
    return f"{slowdown}, long pair"


def _with_files(
    effort: Effort, slowdown: str, measure: Callable[[list[str], Effort, int], Result], number: int = 0
) -> Callable[[], Result]:
    """Made anew each time: a file that was left from another version of the model would be another ratio."""

    def step() -> Result:
        channels = SLOWDOWNS[slowdown]
        with tempfile.TemporaryDirectory() as folder:
            original = exported(CLASSIFIER)
            slower = write_slower(original, channels, Path(folder) / f"slower-{channels}.onnx")
            sides = [f"{path}@{_RUNTIME}" for path in (original, slower)]
            return {"slowdown": slowdown, "channels": channels, **measure(sides, effort, number)}

    return step


def _known(sides: list[str], effort: Effort, number: int) -> Result:
    return figures(measured_pair(sides, effort, minutes=2 * effort.minutes, within=0.002))


def _trial(sides: list[str], effort: Effort, number: int) -> Result:
    """A pair, and in the first trials rounds for as long, beside the same neighbour."""
    with half_busy_core(number):
        pair = figures(measured_pair(sides, effort, seed=number))
        if number >= _WITH_ROUNDS:
            return pair
        with Rounds(_cases(sides), seed=number) as rounds:
            rounds.until(lambda so_far: so_far.seconds >= 60 * pair["minutes"])
    found = rounds.compared()
    by_rounds = {
        "ratio": found.ratio,
        "low": found.low,
        "high": found.high,
        "verdict": found.verdict,
        "rounds": found.rounds_a,
        "minutes": rounds.seconds / 60,
    }
    finite = width_of_rounds(found) < float("inf")
    return {**pair, "by_rounds": by_rounds, "rounds_width": width_of_rounds(found) if finite else None}


def _cases(sides: list[str]) -> tuple[Case, Case]:
    first, second = pair_request(sides, device_name="local", threads=1, protocol="quick").cases
    return first, second


def table(results: Sequence[Result]) -> str:
    """A row a slowdown."""
    rows = []
    for slowdown in SLOWDOWNS:
        known = next((one for one in results if one["step"] == _truth(slowdown)), None)
        trials = [one for one in results if one["slowdown"] == slowdown and "trial" in one["step"]]
        if not trials:
            continue
        others = [one["by_rounds"] for one in trials if "by_rounds" in one]
        widths = [one["rounds_width"] for one in trials if one.get("rounds_width") is not None]
        rows.append(
            [
                slowdown,
                words(known),
                f"{sum(one['verdict'] == 'slower' for one in trials)} of {len(trials)}",
                f"{statistics.median(map(width, trials)):.1%}",
                f"{statistics.median(one['minutes'] for one in trials):.1f}",
                f"{sum(one['verdict'] == 'slower' for one in others)} of {len(others)}",
                f"{statistics.median(widths):.1%}" if widths else "-",
                f"{statistics.median(one['rounds'] for one in others):.0f}",
            ]
        )
    headings = (
        "slower by", "ratio, long pair", "found by pairs", "interval", "minutes", "found by rounds", "interval",
        "rounds each",
    )  # fmt: skip
    return markdown(headings, rows) if rows else "no trial yet"


if __name__ == "__main__":
    main([sys.modules[__name__]], __doc__)
