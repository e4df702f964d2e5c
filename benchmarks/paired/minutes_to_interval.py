"""Minutes until the interval of a ratio is 3 % and 1 % wide: pairs and rounds, interleaved in one session.

    python benchmarks/paired/minutes_to_interval.py --budget-minutes 60

After each pair of processes there is a round of either side, so that both see the same machine. Rounds that did not get
there tell how wide their interval was, and how many minutes follow from it: intervals shrink with the root of the time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from measured_steps import Effort, Result, Step, main
from pair_steps import CLASSIFIER, COMMAND, SEGMENTATION, SEGMENTATION_SIZE, figures, markdown, words
from rounds_beside import Rounds

from latency_bench.harness.cli.pair import pair_request
from latency_bench.harness.cli.progress import ProgressLine
from latency_bench.harness.device_locks import hold_devices
from latency_bench.harness.pairs.pair_data import ProcessPair
from latency_bench.harness.pairs.pair_run import PairRun, Taker
from latency_bench.harness.preparing import Prepared
from latency_bench.harness.rounds import Observer
from latency_bench.harness.statistics.paired_ratio import next_look, paired_ratio
from latency_bench.harness.statistics.start_order import without_start_order
from latency_bench.harness.store.pair_record import PairRecord

NAME = "minutes to an interval"
WIDTHS = (0.03, 0.01)
_FACTOR = 4.0
"""A session has the rounds too, and goes on to 1 %."""
WORKLOADS = {
    f"{CLASSIFIER}, 1 against 1": (f"{CLASSIFIER}@litert", f"{CLASSIFIER}@litert"),
    "attention block of about 1 ms, softmax against ReLU linear": (
        "attn-relu-linear-block-h8-d16-n256@litert",
        "attn-softmax-block-h8-d16-n256@litert",
    ),
    f"{SEGMENTATION} at {SEGMENTATION_SIZE}, itself": (
        f"{SEGMENTATION}@litert,resolution={SEGMENTATION_SIZE}",
        f"{SEGMENTATION}@litert,resolution={SEGMENTATION_SIZE}",
    ),
}


class _RoundsBetween:
    """Takes turns as another does, and measures a round of either side after each pair."""

    def __init__(self, taker: Taker, rounds: Rounds) -> None:
        self._taker = taker
        self._rounds = rounds
        self.shortest_s, self.usual_s = taker.shortest_s, taker.usual_s

    def pair(self, index: int, seconds: float, observer: Observer) -> ProcessPair:
        pair = self._taker.pair(index, seconds, observer)
        self._rounds.one_each()
        return pair


class _InterleavedRun(PairRun):
    """A pair with rounds in between."""

    rounds: Rounds

    def _taker(self, prepared: list[Prepared], observer: Observer) -> Taker:
        return _RoundsBetween(super()._taker(prepared, observer), self.rounds)


def steps(effort: Effort) -> list[Step]:
    """One a workload, the large model last."""
    minutes = _FACTOR * effort.minutes
    ranks = (0.2, 1.2, 6.2)
    return [
        Step(name, rank, minutes + 0.5, _measure(sides, effort, minutes))
        for rank, (name, sides) in zip(ranks, WORKLOADS.items(), strict=True)
    ]


def _measure(sides: tuple[str, str], effort: Effort, minutes: float) -> Callable[[], Result]:
    def measure() -> Result:
        request = pair_request(sides, within=WIDTHS[-1], max_minutes=minutes, device_name="local", threads=1)
        first, second = request.cases
        with Rounds((first, second)) as rounds, _InterleavedRun(request, effort.store, COMMAND) as run:
            run.rounds = rounds
            with ProgressLine() as progress:
                hold_devices([run], COMMAND, True, progress.stage)
                run.measure(progress)
            record, _path = run.store()
        if record.failure is not None:
            raise RuntimeError(record.failure.message)
        found = rounds.compared()
        return {
            **figures(record),
            "minutes_to": {f"{one:g}": _minutes_of_pairs(record, one) for one in WIDTHS},
            "rounds": found.rounds_a,
            "rounds_minutes": rounds.seconds / 60,
            "rounds_ratio": {"ratio": found.ratio, "low": found.low, "high": found.high},
        }

    return measure


def _minutes_of_pairs(record: PairRecord, wanted: float) -> float | None:
    """Until the first look at which the interval was narrow enough; None where it never was."""
    logs, later, look, spent_s = record.ratios[0].log_ratios, record.started_later(1), next_look(0), 0.0
    for count, pair in enumerate(record.pairs, 1):
        spent_s += pair.wall_s
        if count == look:
            if paired_ratio(without_start_order(logs[:count], later[:count])).relative_width <= wanted:
                return spent_s / 60
            look = next_look(count)
    return None


def table(results: Sequence[Result]) -> str:
    """A row a workload."""
    headings = (
        "sides", "ratio by pairs", "pairs", "minutes to 3 %", "minutes to 1 %", "ratio by rounds", "rounds each",
        "minutes of rounds", "minutes of rounds to 3 %", "to 1 %",
    )  # fmt: skip
    rows = []
    for one in results:
        by_rounds = one["rounds_ratio"]
        known = by_rounds["low"] is not None
        wide = (by_rounds["high"] - by_rounds["low"]) / by_rounds["ratio"] if known else None
        needed = [f"{one['rounds_minutes'] * (wide / wanted) ** 2:.0f}" if wide else "-" for wanted in WIDTHS]
        minutes = [one["minutes_to"][f"{wanted:g}"] for wanted in WIDTHS]
        rows.append(
            [
                one["step"],
                words(one),
                str(one["pairs"]),
                *(f"more than {one['minutes']:.1f}" if value is None else f"{value:.1f}" for value in minutes),
                words(by_rounds),
                str(one["rounds"]),
                f"{one['rounds_minutes']:.1f}",
                *(f"about {text}" for text in needed),
            ]
        )
    return markdown(headings, rows)


if __name__ == "__main__":
    main([sys.modules[__name__]], __doc__)
