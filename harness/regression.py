"""The gate: which cases of a candidate are clearly worse than a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from latency_bench.harness.comparing import Pair, Side, compare_sets
from latency_bench.harness.store.run_selection import RunSet

Outcome = Literal["pass", "regression", "inconclusive"]


@dataclass(frozen=True)
class GatedCase:
    """One case of the baseline. `inconclusive`: nothing could be said, which is no regression and no pass either."""

    name: str
    outcome: Outcome
    reason: str
    ratio: float | None = None


@dataclass(frozen=True)
class GateResult:
    cases: tuple[GatedCase, ...]

    @property
    def regressions(self) -> tuple[GatedCase, ...]:
        return tuple(case for case in self.cases if case.outcome == "regression")

    @property
    def conclusive(self) -> bool:
        """At least one case was really compared."""
        return any(case.outcome != "inconclusive" for case in self.cases)


def run_gate(baseline: RunSet, candidate: RunSet, threshold: float, across: tuple[str, ...] = ()) -> GateResult:
    """Judge every case of the baseline. Only a clear regression is one: the test rejects, and the ratio exceeds the
    threshold; or a case that had a number now fails."""
    compared = compare_sets(baseline, candidate, threshold, across)
    judged = [_judge(pair, threshold) for pair in compared.pairs]
    judged += [GatedCase(name, "inconclusive", "the candidate has no run of it") for name in compared.only_a]
    return GateResult(tuple(judged))


def _judge(pair: Pair, threshold: float) -> GatedCase:
    # A side lists its failed runs last, whenever they were: run ids sort by time.
    latest = Side(pair.b.key, (max(pair.b.runs, key=lambda run: run.record.run_id),))
    if latest.failure and pair.a.measured:
        return GatedCase(pair.name, "regression", f"it fails now: {latest.failure}")
    found = pair.comparison
    if found is None:
        return GatedCase(pair.name, "inconclusive", f"the baseline has no number: {pair.a.failure}")
    if found.verdict in ("cannot be compared", "too few rounds"):
        return GatedCase(pair.name, "inconclusive", found.text, found.ratio)
    if found.verdict == "slower" and found.ratio > 1 + threshold:
        return GatedCase(pair.name, "regression", found.text, found.ratio)
    return GatedCase(pair.name, "pass", found.text, found.ratio)
