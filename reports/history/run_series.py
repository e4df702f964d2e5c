"""All runs of one case in the order of time, as rows of the run table, and what changed between neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.identity.differences import differing
from latency_bench.harness.identity.run_conditions import Conditions, read_conditions

ANOTHER_MACHINE = "device"
"""The dimension of conditions that says what the machine is: levels of two machines are no levels of one series."""
_NO_MARK = ("protocol",)
"""Dimensions that change how long is measured, and not what."""


@dataclass(frozen=True)
class HistoryRun:
    """One run with a number. `commit`: the version of the user's code, where it is known."""

    run_id: str
    path: str
    started_at: datetime
    median_ms: float
    low_ms: float | None
    high_ms: float | None
    status: str
    commit: str | None
    round_samples: Sequence[int]
    """Requests of each round."""
    conditions: Conditions

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> HistoryRun:
        """Of a row of the run table, null as None."""
        fields = ("run_id", "path", "started_at", "median_ms", "low_ms", "high_ms", "status", "commit")
        return cls(
            **{name: row[name] for name in fields},
            round_samples=tuple(row["round_samples"] or ()),
            conditions=read_conditions(row["conditions"]),
        )

    @property
    def log_level(self) -> float:
        return math.log(self.median_ms)

    @property
    def moment(self) -> str:
        """For people: `2026-11-28 09:15`."""
        return f"{self.started_at:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Mark:
    """What differs between a run, by its index, and the one before it; by dimension of conditions."""

    place: int
    differences: Mapping[str, Sequence[str]]

    @property
    def is_another_machine(self) -> bool:
        return ANOTHER_MACHINE in self.differences

    def texts(self) -> list[str]:
        """For people: `runtime: version 1.3 against 1.4`."""
        return [f"{dimension}: {', '.join(texts)}" for dimension, texts in self.differences.items()]


@dataclass(frozen=True)
class RunSeries:
    """The runs of one case, the earliest first, and the marks between them."""

    key: CaseKey
    runs: tuple[HistoryRun, ...]
    marks: tuple[Mark, ...]

    def machines(self) -> list[tuple[int, int]]:
        """(first run, end) of each stretch on one machine."""
        bounds = [0, *(mark.place for mark in self.marks if mark.is_another_machine), len(self.runs)]
        return list(pairwise(bounds))

    def marks_between(self, earliest: int, latest: int) -> list[Mark]:
        """Those on the way from the run before `earliest` to `latest`."""
        return [mark for mark in self.marks if earliest <= mark.place <= latest]


def series_of(rows: Iterable[Mapping[str, Any]]) -> list[RunSeries]:
    """Every case of the rows that has a number, the one with most runs first."""
    by_case: dict[CaseKey, list[HistoryRun]] = {}
    for row in rows:
        if row["median_ms"] is not None:
            by_case.setdefault(CaseKey.of_row(row), []).append(HistoryRun.of_row(row))
    found = []
    for key, runs in by_case.items():
        ordered = tuple(sorted(runs, key=lambda run: (run.started_at, run.run_id)))
        found.append(RunSeries(key, ordered, tuple(_marks(ordered))))
    return sorted(found, key=lambda series: (-len(series.runs), series.key.label()))


def _marks(runs: Sequence[HistoryRun]) -> Iterable[Mark]:
    for place in range(1, len(runs)):
        found = differing(runs[place - 1].conditions, runs[place].conditions)
        kept = {dimension: texts for dimension, texts in found.items() if dimension not in _NO_MARK}
        if kept:
            yield Mark(place, kept)
