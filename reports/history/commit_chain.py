"""What pairs say of the code alone: each holds two commits against each other on the machine as it was, so that the
ratios of several, multiplied, follow the code from commit to commit however the machine changed meanwhile."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.number_text import ratio_text
from latency_bench.harness.statistics.paired_ratio import LEAST_PAIRS, paired_ratio
from latency_bench.harness.statistics.start_order import without_start_order
from latency_bench.harness.store.pair_record import PairRecord
from latency_bench.harness.store.reader import StoredPair
from latency_bench.harness.store.record import RunRecord

_HASH = re.compile(r"[0-9a-f]{7,64}")
_OF_CONTENT = re.compile(r"(file-.+)-[0-9a-f]{8}")
"""Id of a file that was brought without a name: that of the file, and the beginning of its hash, which every commit
changes."""


@dataclass(frozen=True)
class CommitRatio:
    """Latency of `newer` over `older`, by pairs alone; the interval is at 95 %."""

    older: str
    newer: str
    ratio: float
    low: float
    high: float
    measured_at: datetime
    """The first pair of the two."""
    process_pairs: int = LEAST_PAIRS
    """What it rests on; of several links the fewest."""

    @property
    def decides(self) -> bool:
        """Whether it rests on as many pairs of processes as `bench pair` asks for a verdict."""
        return self.process_pairs >= LEAST_PAIRS

    @property
    def is_slower(self) -> bool:
        return self.decides and self.low > 1

    def text(self) -> str:
        """For people."""
        few = "" if self.decides else f" of {self.process_pairs} processes; a verdict needs {LEAST_PAIRS}"
        return f"{self.newer} against {self.older}: {ratio_text(self.ratio, self.low, self.high)} by pairs{few}"


@dataclass(frozen=True)
class CommitChain:
    """`links`: between two commits each, in the order of time."""

    links: tuple[CommitRatio, ...] = ()

    def ratio(self, older: str | None, newer: str | None) -> CommitRatio | None:
        """Latency of one commit over another, along the fewest links that lead from the one to the other; None where
        none do. Links are independent: the variances of their logarithms add."""
        older, newer = self.named(older), self.named(newer)
        if older is None or newer is None or older == newer:
            return None
        way = self._way(older, newer)
        if not way:
            return None
        log = sum(sign * math.log(link.ratio) for link, sign in way)
        half = math.sqrt(sum((math.log(link.high / link.low) / 2) ** 2 for link, _ in way))
        measured_at = max(link.measured_at for link, _ in way)
        fewest = min(link.process_pairs for link, _ in way)
        return CommitRatio(older, newer, math.exp(log), math.exp(log - half), math.exp(log + half), measured_at, fewest)

    def named(self, commit: str | None) -> str | None:
        """The commit of these links that a run's is: runs know theirs by its first digits, pairs as they were told."""
        known = {name for link in self.links for name in (link.older, link.newer)}
        if commit is None or commit in known:
            return commit
        return next((name for name in sorted(known) if _are_one(name, commit)), None)

    def _way(self, older: str, newer: str) -> list[tuple[CommitRatio, int]]:
        """The links with the direction in which each is taken, by breadth-first search."""
        ways: dict[str, list[tuple[CommitRatio, int]]] = {older: []}
        waiting = [older]
        for commit in waiting:
            for link in self.links:
                for start, end, sign in ((link.older, link.newer, 1), (link.newer, link.older, -1)):
                    if start == commit and end not in ways:
                        ways[end] = [*ways[commit], (link, sign)]
                        waiting.append(end)
        return ways.get(newer, [])


def _are_one(a: str, b: str) -> bool:
    """Whether one is the beginning of the other's hexadecimal digits."""
    if not all(_HASH.fullmatch(name) for name in (a, b)):
        return False
    return a.startswith(b) or b.startswith(a)


def chain_of(pairs: Iterable[StoredPair], key: CaseKey) -> CommitChain:
    """The chain of a case, from the pairs whose sides are of it and of two commits. Pairs of one round each, which have
    no interval, link nothing; several pairs of the same two commits are one link."""
    logs: dict[tuple[str, str], list[float]] = {}
    began: dict[tuple[str, str], datetime] = {}
    for pair in pairs:
        for older, newer, log_ratios in _links(pair.record, key):
            logs.setdefault((older, newer), []).extend(log_ratios)
            began[older, newer] = min(began.get((older, newer), pair.record.started_at), pair.record.started_at)
    links = []
    for (older, newer), values in logs.items():
        one = paired_ratio(values)
        if one.low is not None and one.high is not None:
            measured_at = began[older, newer]
            links.append(CommitRatio(older, newer, one.ratio, one.low, one.high, measured_at, one.process_pairs))
    return CommitChain(tuple(sorted(links, key=lambda link: link.measured_at)))


def _links(record: PairRecord, key: CaseKey) -> Iterable[tuple[str, str, tuple[float, ...]]]:
    first = record.sides[0]
    for one in record.ratios if record.status == "done" else ():
        other = record.sides[one.side]
        older, newer = first.labels.get("commit"), other.labels.get("commit")
        if older and newer and older != newer and _is_of(first, key) and _is_of(other, key):
            yield older, newer, without_start_order(one.log_ratios, record.started_later(one.side))


def _is_of(side: RunRecord, key: CaseKey) -> bool:
    """Whether a side is of this case, or of another version of the same file."""
    found = CaseKey.of_record(side)
    if found == key:
        return True
    names = [_OF_CONTENT.fullmatch(model) for model in (side.model.id, key.workload.model)]
    same_file = names[0] is not None and names[1] is not None and names[0][1] == names[1][1]
    return same_file and {**found.fields(), "model": key.workload.model} == key.fields()
