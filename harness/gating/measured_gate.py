"""Baseline and candidate measured side by side until the answer is known, or the time is over.

What the machine does meanwhile is the same for both (docs/pairs.md), so that nothing has to be known of the time since
the baseline was last measured.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from latency_bench.harness.case import Case
from latency_bench.harness.gating.alike import unmeant
from latency_bench.harness.gating.evidence_quality import disturbances
from latency_bench.harness.gating.gate_result import GatedCase, answer_words
from latency_bench.harness.gating.gate_sides import allowed_differences
from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.pairs.pair_flags import CHANGE_LIMIT
from latency_bench.harness.pairs.pair_request import PairRequest
from latency_bench.harness.pairs.pair_run import measure_pair
from latency_bench.harness.rounds import Observer
from latency_bench.harness.statistics.gate_answer import (
    Answer,
    answers_of,
    decision_confidence,
    is_decided,
    pair_evidence,
)
from latency_bench.harness.statistics.paired_ratio import LEAST_PAIRS
from latency_bench.harness.statistics.start_order import without_start_order
from latency_bench.harness.store.pair_record import PairRecord

_WORTH_ANOTHER_MINUTES = 0.5


@dataclass
class GatePair:
    """A baseline and its candidate, and what was measured of them. `sha256`: of the file that the baseline has to
    be."""

    baseline: Case
    candidate: Case
    baseline_name: str
    candidate_name: str
    sha256: str | None = None
    records: list[PairRecord] = field(default_factory=list)

    @property
    def log_ratios(self) -> list[float]:
        """One a pair of fresh processes, of all records, without what the order of starting did to it."""
        return [
            value
            for record in self.records
            if record.ratios
            for value in without_start_order(record.ratios[0].log_ratios, record.started_later(1))
        ]

    @property
    def failed(self) -> bool:
        return any(record.status == "failed" for record in self.records)

    @property
    def minutes(self) -> float:
        return sum(record.seconds for record in self.records) / 60


def gate_measured(
    pairs: Sequence[GatePair],
    limit: float,
    max_minutes: float,
    store: Path,
    command: Sequence[str],
    observer: Observer,
    across: Collection[str] = (),
    wait: bool = False,
) -> tuple[GatedCase, ...]:
    """Measure every pair until it is decided, sharing `max_minutes` among those that are not; undecided ones get more
    fresh processes while time is left. Every measurement is stored. Raises as `measure_pair`."""
    confidence = decision_confidence(len(pairs))
    waiting = list(pairs)
    while waiting:
        for number, pair in enumerate(waiting):
            left = max_minutes - sum(one.minutes for one in pairs)
            if pair.records and left < _WORTH_ANOTHER_MINUTES:
                continue
            request = PairRequest(
                (pair.baseline, pair.candidate),
                within=max(abs(limit - 1), 0.001),
                limit=limit,
                decided_at=confidence,
                max_minutes=max(left / (len(waiting) - number), 0.01),
                seed=len(pair.records),
            )
            record, _ = measure_pair(request, store, command, observer, wait)
            pair.records.append(record)
        waiting = [pair for pair in waiting if not pair.failed and not is_decided(pair.log_ratios, limit, confidence)]
        if max_minutes - sum(one.minutes for one in pairs) < _WORTH_ANOTHER_MINUTES:
            break
    return _judge(pairs, limit, across)


def _judge(pairs: Sequence[GatePair], limit: float, across: Collection[str]) -> tuple[GatedCase, ...]:
    refused = [_without_ratio(pair, across) for pair in pairs]
    evidence = [pair_evidence(pair.log_ratios, limit) for pair, no in zip(pairs, refused, strict=True) if no is None]
    answers = iter(zip(evidence, answers_of(evidence), strict=True))
    cases = []
    for pair, no in zip(pairs, refused, strict=True):
        if no is not None:
            cases.append(no)
            continue
        one, answer = next(answers)
        doubts = tuple(doubts_of(pair.records))
        if answer == "fine" and doubts:
            answer = "cannot tell"
        plural = "" if len(pair.log_ratios) == 1 else "s"
        measured = f"{len(pair.log_ratios)} pair{plural} of processes in {pair.minutes:.1f} minutes"
        if answer == "cannot tell" and len(pair.log_ratios) < LEAST_PAIRS:
            measured += f", and {LEAST_PAIRS} are the least for an answer: allow more with --max-minutes"
        text = answer_words(answer, one, [measured, *(doubts if answer == "cannot tell" else ())])
        case = case_of_pair(pair, answer, text)
        cases.append(replace(case, ratio=one.ratio, low=one.low, high=one.high, detectable=one.detectable))
    return tuple(cases)


def _without_ratio(pair: GatePair, across: Collection[str]) -> GatedCase | None:
    """The answer where there is no ratio to judge; None where there is one."""
    failed = next((record for record in pair.records if record.failure is not None), None)
    if failed is not None and failed.failure is not None:
        if failed.failed_side == 1:
            return case_of_pair(pair, "worse", f"the candidate fails: {failed.failure.message}")
        whose = "the measurement" if failed.failed_side is None else "the baseline"
        return case_of_pair(pair, "cannot tell", f"{whose} failed: {failed.failure.message}")
    a, b = pair.records[0].sides[:2]
    if pair.sha256 is not None and a.artifact is not None and a.artifact.sha256 != pair.sha256:
        return case_of_pair(
            pair,
            "cannot tell",
            "the file that is exported now is not the one that the run measured; keep files with `bench baseline keep`",
        )
    allowed = allowed_differences(pair.baseline, pair.candidate, across)
    difference = unmeant(differences(conditions_of(a), conditions_of(b), allowed), allowed)
    return None if difference is None else case_of_pair(pair, "cannot tell", difference)


def doubts_of(records: Sequence[PairRecord]) -> Iterator[str]:
    """Why a ratio cannot be fine, whatever its interval is."""
    for record in records:
        # What disturbs both alike is not in the ratio of neighbours; what one side does to the other is.
        yield from (flag.text for flag in record.flags if flag.name == "busy_while_idle")
        yield from (flag.text for flag in record.flags if flag.name == "slower_after_change" and not _alike(record))
        # Whole processes one after the other are no neighbours: what disturbs one need not disturb the other.
        disturbed = disturbances(record.sides) if record.turns.mode == "processes" else ()
        if disturbed:
            yield f"the evidence is disturbed ({', '.join(disturbed)})"


def _alike(record: PairRecord) -> bool:
    """Whether a change of turns slows both sides by the same, within 1 %: then it is not in their ratio."""
    first = [one.first_request.ratio for one in record.bias[:2] if one.first_request is not None]
    return len(first) == 2 and abs(math.log(first[1] / first[0])) <= CHANGE_LIMIT


def case_of_pair(pair: GatePair, answer: Answer, reason: str) -> GatedCase:
    """A pair's case with its answer, and both sides by their names."""
    from latency_bench.harness.identity.case_key import CaseKey, label_of_both

    name = label_of_both(CaseKey.of_case(pair.baseline), CaseKey.of_case(pair.candidate))
    return GatedCase(name, answer, reason, pair.baseline_name, pair.candidate_name)
