"""The history of a case: its changes, each with what else changed there and with what pairs say of the code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from latency_bench.harness.number_text import ratio_text
from latency_bench.harness.statistics.change_points import LEAST_RUNS, Change, Drift, level_changes
from latency_bench.reports.history.commit_chain import CommitChain, CommitRatio
from latency_bench.reports.history.run_series import HistoryRun, Mark, RunSeries

Answer = Literal["fine", "slower", "cannot tell"]


@dataclass(frozen=True)
class HistoryChange:
    """A change of the level. `place`, `earliest` and `latest` count the runs of the whole series."""

    change: Change
    place: int
    earliest: int
    latest: int
    before: HistoryRun
    """The last run that surely was at the old level, and the first that surely was at the new one."""
    after: HistoryRun
    marks: tuple[Mark, ...]
    """What differs on the way from the one to the other."""
    code: CommitRatio | None
    """The commits of both, by pairs; None where no pairs tell."""

    @property
    def is_slower(self) -> bool:
        """A pair counts before the runs: the machine's own change is none of the code's."""
        return self.change.ratio > 1 if self.code is None or not self.code.decides else self.code.is_slower

    def cause(self) -> str | None:
        """What pairs say of it, for people."""
        if self.code is None:
            return None
        same_way = self.code.is_slower if self.change.ratio > 1 else self.code.high < 1
        return f"{self.code.text()}: {'the code changed' if same_way else 'the machine changed, not the code'}"


@dataclass(frozen=True)
class Stretch:
    """The runs on one machine, by their indices: first and end. `drift`: its level moved all the time."""

    first: int
    end: int
    drift: Drift | None
    smallest: float | None
    """The ratio that a change in the middle would have needed to be found in most cases."""


@dataclass(frozen=True)
class History:
    """`shown_from`: the first run that is asked for; those before only show how runs scatter."""

    series: RunSeries
    shown_from: int
    stretches: tuple[Stretch, ...]
    changes: tuple[HistoryChange, ...]
    """From `shown_from` on."""
    code: tuple[CommitRatio, ...]
    """Links between commits from `shown_from` on."""
    code_total: CommitRatio | None
    """The last commit of those links over the first."""

    @property
    def shown(self) -> Sequence[HistoryRun]:
        return self.series.runs[self.shown_from :]

    def marks(self) -> list[Mark]:
        return [mark for mark in self.series.marks if mark.place >= self.shown_from]

    def answer(self) -> tuple[Answer, str]:
        """Whether the newest level is slower than the one before, with the reason."""
        if self.code_total is not None and self.code_total.is_slower:
            return "slower", self.code_total.text()
        newest = self.stretches[-1]
        here = [change for change in self.changes if change.place >= newest.first]
        if here and here[-1].is_slower:
            change = here[-1].change
            times = ratio_text(change.ratio, change.low, change.high)
            return "slower", f"the newest level is {times} times the one before"
        if self.code_total is not None:
            return "fine" if self.code_total.decides else "cannot tell", self.code_total.text()
        if newest.drift is not None:
            drift = newest.drift
            times = ratio_text(drift.ratio, drift.low, drift.high)
            return "cannot tell", f"the level drifts: {times} times from end to end"
        if newest.smallest is None:
            return "cannot tell", f"{newest.end - newest.first} runs on this machine; {LEAST_RUNS} are needed"
        if here:
            return "fine", "the last change was for the better, or the machine's"
        return "fine", f"no change; one by {newest.smallest - 1:.0%} or more would most likely have been found"


def build_history(series: RunSeries, chain: CommitChain, since: datetime | None = None) -> History:
    """Changes are looked for on every machine by itself, in all of its runs; those since `since` are shown."""
    shown_from = next((i for i, run in enumerate(series.runs) if since is None or run.started_at >= since), None)
    shown_from = len(series.runs) if shown_from is None else shown_from
    stretches: list[Stretch] = []
    changes: list[HistoryChange] = []
    for first, end in series.machines():
        found = level_changes([run.log_level for run in series.runs[first:end]])
        stretches.append(Stretch(first, end, found.drift, found.smallest))
        changes += (_placed(change, first, series, chain) for change in found.changes)
    links = tuple(link for link in chain.links if since is None or link.measured_at >= since)
    return History(
        series,
        shown_from,
        tuple(stretches),
        tuple(change for change in changes if change.latest >= shown_from),
        links,
        _total(chain, links),
    )


def _placed(change: Change, first: int, series: RunSeries, chain: CommitChain) -> HistoryChange:
    earliest, latest = first + change.earliest, first + change.latest
    before, after = series.runs[earliest - 1], series.runs[latest]
    return HistoryChange(
        change,
        first + change.place,
        earliest,
        latest,
        before,
        after,
        tuple(series.marks_between(earliest, latest)),
        chain.ratio(before.commit, after.commit),
    )


def _total(chain: CommitChain, links: Iterable[CommitRatio]) -> CommitRatio | None:
    """From the first commit of these links to the newest that hangs together with it."""
    ordered = list(links)
    if not ordered:
        return None
    ends = [link.newer for link in reversed(ordered)]
    return next((found for end in ends if (found := chain.ratio(ordered[0].older, end)) is not None), None)
