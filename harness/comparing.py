"""Two sets of runs, case by case: which belong together, and what the statistics say of each pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.case_key import CaseKey, label_of_both
from latency_bench.harness.identity.differences import Differences, differences, differing
from latency_bench.harness.identity.run_conditions import Conditions, conditions_of
from latency_bench.harness.store.reader import StoredRun
from latency_bench.harness.store.run_selection import RunSet
from latency_bench.harness.units import NS_PER_MS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from latency_bench.harness.statistics.comparison import Comparison

Fields = tuple[Any, ...]


@dataclass(frozen=True)
class Side:
    """The runs of one case on one side, their rounds pooled."""

    key: CaseKey
    runs: tuple[StoredRun, ...]

    @property
    def measured(self) -> tuple[StoredRun, ...]:
        return tuple(run for run in self.runs if run.record.summary is not None)

    @property
    def failure(self) -> str | None:
        """Why there is no number; None if there is one."""
        if self.measured:
            return None
        failure = self.runs[0].record.failure
        return failure.message if failure else "no numbers"

    @property
    def conditions(self) -> list[Conditions]:
        """Of every run that has a number; of all of them where none has."""
        return [conditions_of(run.record) for run in self.measured or self.runs]

    def rounds_ms(self) -> list[npt.NDArray[np.float64]]:
        """Latencies of every round, warm-up left out. Raises BrokenRunError."""
        return [block.latency_ns / NS_PER_MS for run in self.measured for block in run.samples() if not block.warmup]

    def unstable(self) -> bool:
        return any(run.record.status == "unstable" for run in self.measured)


Sides = dict[CaseKey, Side]


@dataclass(frozen=True)
class Pair:
    """One case on both sides. `comparison` is None where one side has no number."""

    a: Side
    b: Side
    differences: Differences
    comparison: Comparison | None = None
    round_medians_ms: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    """Of A and of B, one a round."""

    @property
    def medians_ms(self) -> tuple[float, float] | None:
        """Of A's rounds and of B's."""
        return (
            None
            if self.round_medians_ms is None
            else (median(self.round_medians_ms[0]), median(self.round_medians_ms[1]))
        )

    @property
    def name(self) -> str:
        """Of both sides: what they have in common is named once."""
        return label_of_both(self.a.key, self.b.key)


@dataclass(frozen=True)
class Compared:
    """All pairs, and the cases that only one side has."""

    pairs: tuple[Pair, ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    across: tuple[str, ...] = field(default=())


def compare_sets(a: RunSet, b: RunSet, threshold: float, across: Collection[str] = ()) -> Compared:
    """Pair the cases of both sets and compare each pair, corrected for their number.

    A dimension in which the sets have one value each, and not the same, is what they are compared across; it takes no
    part in the pairing. Raises BrokenRunError for samples that cannot be read.
    """
    from latency_bench.harness.statistics.comparison import compare_many
    from latency_bench.harness.statistics.intervals import round_medians

    in_a, in_b = cases_of(a), cases_of(b)
    keys = _paired(in_a, in_b)
    pairs = [Pair(in_a[one], in_b[other], _differences(in_a[one], in_b[other], across)) for one, other in keys]
    rounds = {
        str(index): (pair.a.rounds_ms(), pair.b.rounds_ms(), pair.differences.obstacles)
        for index, pair in enumerate(pairs)
        if pair.a.measured and pair.b.measured
    }
    found = compare_many(rounds, threshold=threshold)
    done = [
        replace(
            pair,
            comparison=found[str(index)],
            round_medians_ms=(
                tuple(round_medians(rounds[str(index)][0]).tolist()),
                tuple(round_medians(rounds[str(index)][1]).tolist()),
            ),
        )
        if str(index) in rounds
        else pair
        for index, pair in enumerate(pairs)
    ]
    paired_a, paired_b = {one for one, _ in keys}, {other for _, other in keys}
    return Compared(
        tuple(done),
        tuple(key.label() for key in in_a if key not in paired_a),
        tuple(key.label() for key in in_b if key not in paired_b),
        tuple(across),
    )


def _paired(a: Sides, b: Sides) -> list[tuple[CaseKey, CaseKey]]:
    """The cases that belong together: the same on both sides apart from what is compared across; of those that are
    left, the ones that differ in the options of the runtime alone, or in what another model brings with it. A case that
    is known by the same as another one of its side has no partner."""
    across = _compared_across(a, b)
    with_model = across | {"height", "width", "output"} if "model" in across else across
    pairs: list[tuple[CaseKey, CaseKey]] = []
    for left_out in (across, across | {"runner", "options"}, with_model | {"runner", "options"}):
        in_a, in_b = (
            _unique([key for key in sides if key not in paired], left_out)
            for sides, paired in ((a, {one for one, _ in pairs}), (b, {other for _, other in pairs}))
        )
        pairs += [(key, in_b[known_by]) for known_by, key in in_a.items() if known_by in in_b]
    return pairs


def _unique(keys: Sequence[CaseKey], left_out: Collection[str]) -> dict[Fields, CaseKey]:
    """Cases by their fields but for some, where no other case has the same."""
    known_by = {key: tuple(value for name, value in key.fields().items() if name not in left_out) for key in keys}
    counts = Counter(known_by.values())
    return {fields: key for key, fields in known_by.items() if counts[fields] == 1}


def _compared_across(a: Sides, b: Sides) -> set[str]:
    """Fields of the case in which each set has one value, and not the same."""
    of_a, of_b = ([key.fields() for key, side in sides.items() if side.measured] for sides in (a, b))
    names = of_a[0] if of_a and of_b else ()
    values = {name: ({fields[name] for fields in of_a}, {fields[name] for fields in of_b}) for name in names}
    return {name for name, (in_a, in_b) in values.items() if len(in_a) == len(in_b) == 1 and in_a != in_b}


def cases_of(runs: RunSet) -> Sides:
    """Runs by their case; a failed one with the case that it is of."""
    grouped: dict[CaseKey, list[StoredRun]] = {}
    for run in runs.runs:
        if run.record.summary is not None:
            grouped.setdefault(CaseKey.of_record(run.record), []).append(run)
    for run in runs.runs:
        if run.record.summary is None:
            # A failed run may not know its runtime or all of its options: it belongs to the case that explains it.
            key = CaseKey.of_record(run.record)
            home = next((known for known in grouped if known.explains(key)), key)
            grouped.setdefault(home, []).append(run)
    return {key: Side(key, tuple(runs_of)) for key, runs_of in grouped.items()}


def _differences(a: Side, b: Side, across: Collection[str]) -> Differences:
    """Between the sides, and among the runs of one side, which are pooled and so have to be alike."""
    between = differences(a.conditions[0], b.conditions[0], across)
    inside = [
        (name, f"{label}'s runs differ among themselves: {text}")
        for label, side in (("A", a), ("B", b))
        for other in side.conditions[1:]
        for name, texts in differing(side.conditions[0], other).items()
        for text in texts
        if name not in across
    ]
    return replace(
        between,
        obstacles=(*between.obstacles, *dict.fromkeys(text for _, text in inside)),
        in_the_way=tuple(dict.fromkeys((*between.in_the_way, *(name for name, _ in inside)))),
    )
