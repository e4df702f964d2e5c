"""Two sets of runs, case by case: which belong together, and what the statistics say of each pair."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from latency_bench.harness.conditions import Differences, differences
from latency_bench.harness.run_selection import RunSet
from latency_bench.harness.store.reader import StoredRun

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from latency_bench.harness.statistics.comparison import Comparison

_NS_PER_MS = 1e6
_KEY = ("device", "model", "resolution", "batch", "precision", "runtime", "threads")
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Side:
    """The runs of one case on one side, their rounds pooled."""

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

    def rounds_ms(self) -> list[npt.NDArray[np.float64]]:
        """Latencies of every round, warm-up left out. Raises BrokenRunError."""
        return [block.latency_ns / _NS_PER_MS for run in self.measured for block in run.samples() if not block.warmup]

    def unstable(self) -> bool:
        return any(run.record.status == "unstable" for run in self.measured)


@dataclass(frozen=True)
class Pair:
    """One case on both sides. `comparison` is None where one side has no number."""

    name: str
    a: Side
    b: Side
    differences: Differences
    comparison: Comparison | None = None
    medians_ms: tuple[float, float] | None = None


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
    import numpy as np

    from latency_bench.harness.statistics.comparison import compare_many
    from latency_bench.harness.statistics.intervals import round_medians

    dropped = _compared_across(a, b)
    in_a, in_b = _cases(a, dropped), _cases(b, dropped)
    pairs = {
        key: Pair(_name(key, dropped), in_a[key], in_b[key], _differences(in_a[key], in_b[key], across))
        for key in in_a
        if key in in_b
    }
    rounds = {
        key: (pair.a.rounds_ms(), pair.b.rounds_ms(), pair.differences.obstacles)
        for key, pair in pairs.items()
        if pair.a.measured and pair.b.measured
    }
    found = compare_many({str(key): value for key, value in rounds.items()}, threshold=threshold)
    done = [
        replace(
            pair,
            comparison=found[str(key)],
            medians_ms=(
                float(np.median(round_medians(rounds[key][0]))),
                float(np.median(round_medians(rounds[key][1]))),
            ),
        )
        if key in rounds
        else pair
        for key, pair in pairs.items()
    ]
    return Compared(
        tuple(done),
        tuple(_name(key, dropped) for key in in_a if key not in in_b),
        tuple(_name(key, dropped) for key in in_b if key not in in_a),
        tuple(across),
    )


def _key(run: StoredRun) -> dict[str, Any]:
    record = run.record
    threads = record.runtime.options.get("threads") if record.runtime else None
    return {
        "device": record.device.name,
        "model": record.model.id,
        "resolution": record.model.resolution,
        "batch": record.model.batch,
        "precision": record.model.precision,
        "runtime": record.runtime.name if record.runtime else None,
        "threads": threads,
    }


def _compared_across(a: RunSet, b: RunSet) -> set[str]:
    dropped = set()
    for name in _KEY:
        in_a = {_key(run)[name] for run in a.runs if run.record.summary}
        in_b = {_key(run)[name] for run in b.runs if run.record.summary}
        if len(in_a) == len(in_b) == 1 and in_a != in_b:
            dropped.add(name)
    if "model" in dropped:
        dropped.add("resolution")
    return dropped


def _cases(runs: RunSet, dropped: set[str]) -> dict[Key, Side]:
    grouped: dict[Key, list[StoredRun]] = {}
    failed: list[StoredRun] = []
    for run in runs.runs:
        if run.record.summary is None:
            failed.append(run)
            continue
        key = _key(run)
        grouped.setdefault(tuple(None if name in dropped else key[name] for name in _KEY), []).append(run)
    for run in failed:
        # A failed run may not know its runtime; it belongs to the case that agrees in all that it knows.
        key = _key(run)
        wanted = tuple(None if name in dropped else key[name] for name in _KEY)
        home = next((known for known in grouped if _agrees(wanted, known)), wanted)
        grouped.setdefault(home, []).append(run)
    return {key: Side(tuple(runs_of)) for key, runs_of in grouped.items()}


def _agrees(partial: Key, whole: Key) -> bool:
    return all(one is None or one == other for one, other in zip(partial, whole, strict=True))


def _differences(a: Side, b: Side, across: Collection[str]) -> Differences:
    """Between the sides, and among the runs of one side, which are pooled and so have to be alike."""
    of_a, of_b = a.measured or a.runs, b.measured or b.runs
    between = differences(of_a[0].record, of_b[0].record, across)
    inside = []
    for label, runs in (("A", of_a), ("B", of_b)):
        for run in runs[1:]:
            found = differences(runs[0].record, run.record)
            inside += [f"{label}'s runs differ among themselves: {text}" for text in found.details + found.obstacles]
    return replace(between, obstacles=(*between.obstacles, *dict.fromkeys(inside)))


def _name(key: Key, dropped: set[str]) -> str:
    values = dict(zip(_KEY, key, strict=True))
    height_width = values["resolution"]
    words = [
        values["device"],
        values["model"],
        f"{height_width[0]}x{height_width[1]}" if height_width else None,
        f"batch {values['batch']}" if values["batch"] not in (None, 1) else None,
        values["precision"],
        values["runtime"],
        f"{values['threads']} threads" if values["threads"] not in (None, 1) else None,
    ]
    return " ".join(str(word) for word in words if word) or "the pair"
