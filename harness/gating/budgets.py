"""A candidate held against fixed limits, without a baseline."""

from __future__ import annotations

from dataclasses import dataclass

from latency_bench.harness.comparing import Side, cases_of
from latency_bench.harness.gating.evidence_quality import disturbances
from latency_bench.harness.gating.gate_result import GatedCase
from latency_bench.harness.statistics.gate_answer import Answer
from latency_bench.harness.store.run_selection import RunSet

_BYTES_PER_MB = 1e6


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
            cases.append(_memory(side, budgets.max_mb))
    return tuple(cases)


def _latency(side: Side, max_ms: float) -> GatedCase:
    from latency_bench.harness.statistics.intervals import median_interval

    name = f"{side.key.label()}: at most {max_ms:g} ms"
    if side.failure is not None:
        return GatedCase(name, "worse", f"it fails: {side.failure}", candidate=side.key.label())
    found = median_interval(side.rounds_ms())
    bounds = "no interval" if found.low is None else f"{found.low:.4g} to {found.high:.4g}"
    text = f"median {found.median:.4g} ms ({bounds}, {found.basis})"
    disturbed = disturbances(run.record for run in side.measured)
    answer: Answer = "cannot tell"
    if found.low is not None and found.high is not None and found.rounds > 1:
        answer = "worse" if found.low > max_ms else "fine" if found.high <= max_ms else "cannot tell"
    else:
        text += "; one process says nothing of others: measure several rounds"
    if answer == "fine" and disturbed:
        answer, text = "cannot tell", f"{text}; the evidence is disturbed ({', '.join(disturbed)})"
    return GatedCase(name, answer, text, candidate=side.key.label())


def _memory(side: Side, max_mb: float) -> GatedCase:
    name = f"{side.key.label()}: at most {max_mb:g} MB"
    peaks = [run.record.summary.peak_rss_bytes for run in side.measured if run.record.summary is not None]
    known = [peak for peak in peaks if peak is not None]
    if side.failure is not None:
        return GatedCase(name, "worse", f"it fails: {side.failure}", candidate=side.key.label())
    if not known:
        return GatedCase(name, "cannot tell", "the device does not tell the memory of a process", "", side.key.label())
    largest_mb = max(known) / _BYTES_PER_MB
    answer: Answer = "worse" if largest_mb > max_mb else "fine"
    return GatedCase(name, answer, f"largest resident memory {largest_mb:.1f} MB", candidate=side.key.label())
