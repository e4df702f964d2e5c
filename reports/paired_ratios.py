"""Ratios that were measured as ratios (`bench pair`), for reports to prefer over quotients of two runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.store.outcome import Flag
from latency_bench.harness.store.reader import StoredPair
from latency_bench.reports.pair_words import side_words

PAIRED = "measured as a pair: both on the device at once, taking turns"
INTERVALS_REMARK = "Intervals are 95 %: of the pair where one was measured, else from the rounds of both runs"


@dataclass(frozen=True)
class PairedSpeedUp:
    """How many times as fast as the baseline a case was, in one pair. `path`: of the pair, in its store. `wide`: what
    more time would give, where it ended before its interval was as narrow as asked; else empty."""

    speed_up: float
    low: float | None
    high: float | None
    path: str
    wide: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the ratio has to know, in words."""
        return (PAIRED, self.wide) if self.wide else (PAIRED,)


@dataclass(frozen=True)
class LatestRatio:
    """How much slower a case was than the first side of its latest pair. `over`: that side in words; `id`: of the
    pair."""

    ratio: float
    low: float | None
    high: float | None
    over: str
    id: str


@dataclass(frozen=True)
class PairedRatios:
    """The latest pair of every two cases, and of every case as a further side."""

    found: Mapping[tuple[CaseKey, CaseKey], PairedSpeedUp] = field(default_factory=dict)
    """By case and baseline."""
    latest: Mapping[CaseKey, LatestRatio] = field(default_factory=dict)
    """By the case of the further side. A pair of one case with itself, such as a gate's, says nothing of it."""

    @classmethod
    def of(cls, pairs: Iterable[StoredPair]) -> PairedRatios:
        """`pairs`: latest first. Failed ones, and those whose sides did not take turns, count for nothing: a quotient
        of rounds is as good."""
        found: dict[tuple[CaseKey, CaseKey], PairedSpeedUp] = {}
        latest: dict[CaseKey, LatestRatio] = {}
        for pair in pairs:
            record = pair.record
            if record.status != "done" or record.turns.mode != "turns":
                continue
            path = "/".join(pair.path.parts[-3:])
            wide = next((flag.text for flag in record.flags if _is_wide(flag)), "")
            first = CaseKey.of_record(record.sides[0])
            for one in record.ratios:
                other = CaseKey.of_record(record.sides[one.side])
                inverse = None if one.low is None else 1 / one.low, None if one.high is None else 1 / one.high
                found.setdefault((other, first), PairedSpeedUp(1 / one.ratio, inverse[1], inverse[0], path, wide))
                found.setdefault((first, other), PairedSpeedUp(one.ratio, one.low, one.high, path, wide))
                if other != first and other not in latest:
                    over = side_words(record.sides[0], record.sides[one.side])
                    latest[other] = LatestRatio(one.ratio, one.low, one.high, over, record.run_id)
        return cls(found, latest)

    def find(self, run: Mapping[str, Any], baseline: Mapping[str, Any]) -> PairedSpeedUp | None:
        """Of the cases of two rows of the run table; None where they were not measured as a pair."""
        if not self.found:
            return None
        return self.found.get((CaseKey.of_row(run), CaseKey.of_row(baseline)))


def _is_wide(flag: Flag) -> bool:
    return flag.name == "out_of_time" and flag.severity != "info"
