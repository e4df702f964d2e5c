"""A candidate held against fixed limits, without a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from latency_bench.harness.comparing import Side, cases_of
from latency_bench.harness.gating.evidence_quality import disturbances
from latency_bench.harness.gating.gate_result import GatedCase
from latency_bench.harness.gating.measured_gate import GatePair
from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.statistics.gate_answer import Answer
from latency_bench.harness.store.pair_record import PairRecord
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.run_selection import RunSet

_BYTES_PER_MB = 1e6
_LEAST_ROUNDS = 2


@dataclass(frozen=True)
class Budgets:
    """`max_ms`: of the median latency. `max_mb`: of the largest resident memory of a process, in 10^6 bytes."""

    max_ms: float | None = None
    max_mb: float | None = None

    def __bool__(self) -> bool:
        return self.max_ms is not None or self.max_mb is not None


def gate_budgets(candidate: RunSet, budgets: Budgets) -> tuple[GatedCase, ...]:
    """Every measured case of the candidate against every budget. Raises BrokenRunError."""
    cases: list[GatedCase] = []
    for side in cases_of(candidate).values():
        if budgets.max_ms is not None:
            cases.append(_latency(side, budgets.max_ms))
        if budgets.max_mb is not None:
            records = [run.record for run in side.measured]
            cases.append(_memory(side.key.label(), records, budgets.max_mb, side.failure))
    return tuple(cases)


def gate_pair_budgets(pairs: Iterable[GatePair], budgets: Budgets) -> tuple[GatedCase, ...]:
    """The candidate of every pair that was measured against every budget, by its own requests in the latest record."""
    cases: list[GatedCase] = []
    for pair in pairs:
        record = pair.records[-1]
        if record.failure is not None:
            continue  # the pair's own case says so
        label, candidate = CaseKey.of_case(pair.candidate).label(), record.sides[1]
        if budgets.max_ms is not None:
            cases.append(_latency_in_a_pair(label, candidate, record, budgets.max_ms))
        if budgets.max_mb is not None:
            cases.append(_memory(label, [candidate], budgets.max_mb))
    return tuple(cases)


def _latency(side: Side, max_ms: float) -> GatedCase:
    from latency_bench.harness.statistics.intervals import median_interval

    label = side.key.label()
    if side.failure is not None:
        return GatedCase(_latency_name(label, max_ms), "worse", f"it fails: {side.failure}", candidate=label)
    found = median_interval(side.rounds_ms())
    text = _median_words(found.median, found.low, found.high, found.basis)
    answer = _answer(found.low, found.high, found.rounds, max_ms)
    if found.low is None or found.rounds < _LEAST_ROUNDS:
        text += "; one process says nothing of others: measure several rounds"
    return _unless_disturbed(label, answer, text, disturbances(run.record for run in side.measured), max_ms)


def _latency_in_a_pair(label: str, side: RunRecord, record: PairRecord, max_ms: float) -> GatedCase:
    """A side that is slower for taking turns keeps a budget all the more, but does not exceed it by that."""
    assert side.summary is not None
    found = side.summary.latency
    text = _median_words(found.median_ms, found.low_ms, found.high_ms, found.basis)
    answer = _answer(found.low_ms, found.high_ms, found.rounds, max_ms)
    slowed = [flag.text for flag in record.flags if flag.name == "slower_after_change"]
    if answer == "worse" and slowed:
        answer, text = "cannot tell", f"{text}; {slowed[0]}: measure it alone, with `bench run`"
    return _unless_disturbed(label, answer, text, disturbances([side]), max_ms)


def _latency_name(label: str, max_ms: float) -> str:
    return f"{label}: at most {max_ms:g} ms"


def _median_words(median_ms: float, low_ms: float | None, high_ms: float | None, basis: str) -> str:
    bounds = "no interval" if low_ms is None else f"{low_ms:.4g} to {high_ms:.4g}"
    return f"median {median_ms:.4g} ms ({bounds}, {basis})"


def _answer(low_ms: float | None, high_ms: float | None, rounds: int, max_ms: float) -> Answer:
    if low_ms is None or high_ms is None or rounds < _LEAST_ROUNDS:
        return "cannot tell"
    return "worse" if low_ms > max_ms else "fine" if high_ms <= max_ms else "cannot tell"


def _unless_disturbed(label: str, answer: Answer, text: str, disturbed: Sequence[str], max_ms: float) -> GatedCase:
    if answer == "fine" and disturbed:
        answer, text = "cannot tell", f"{text}; the evidence is disturbed ({', '.join(disturbed)})"
    return GatedCase(_latency_name(label, max_ms), answer, text, candidate=label)


def _memory(label: str, records: Iterable[RunRecord], max_mb: float, failure: str | None = None) -> GatedCase:
    name = f"{label}: at most {max_mb:g} MB"
    peaks = [record.summary.peak_rss_bytes for record in records if record.summary is not None]
    known = [peak for peak in peaks if peak is not None]
    if failure is not None:
        return GatedCase(name, "worse", f"it fails: {failure}", candidate=label)
    if not known:
        return GatedCase(name, "cannot tell", "the device does not tell the memory of a process", "", label)
    largest_mb = max(known) / _BYTES_PER_MB
    answer: Answer = "worse" if largest_mb > max_mb else "fine"
    return GatedCase(name, answer, f"largest resident memory {largest_mb:.1f} MB", candidate=label)
