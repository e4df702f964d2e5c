"""Stored runs of a candidate against stored runs of a baseline, case by case."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from latency_bench.harness.comparing import Pair, Side, compare_sets
from latency_bench.harness.gating.alike import unmeant
from latency_bench.harness.gating.evidence_quality import disturbances
from latency_bench.harness.gating.gate_result import GatedCase, answer_words
from latency_bench.harness.gating.sessions import measured_spread, sessions_of, share_sessions
from latency_bench.harness.number_text import ratio_words
from latency_bench.harness.statistics.gate_answer import Answer, RatioEvidence, answers_of
from latency_bench.harness.store.reader import StoredRun
from latency_bench.harness.store.run_selection import RunSet

_RUNS_NAMED = 3


@dataclass(frozen=True)
class _Judged:
    """A pair that has an interval, and what besides its rounds bounds it."""

    pair: Pair
    evidence: RatioEvidence
    doubts: tuple[str, ...]
    """Why it cannot be fine, whatever the interval is."""
    bounds: tuple[str, ...]
    """What was added to the interval."""


def gate_stored(
    baseline: RunSet,
    candidate: RunSet,
    limit: float,
    across: Collection[str] = (),
    history: Sequence[StoredRun] = (),
) -> tuple[GatedCase, ...]:
    """Judge every case of the baseline: is the candidate's latency at most `limit` (1.03: 3 % more) times its own?

    A case that had a number and fails now is worse. `history`: further runs that show what the machine does between
    sessions, none of them the candidate's. Raises BrokenRunError for samples that cannot be read.
    """
    compared = compare_sets(baseline, candidate, max(limit - 1, 0.001), across)
    cases: list[GatedCase] = []
    judged: list[_Judged] = []
    known = [*baseline.runs, *(run for run in history if run.path not in {one.path for one in baseline.runs})]
    for pair in compared.pairs:
        outcome = _without_ratio(pair, across) or _evidence(pair, limit, known)
        if isinstance(outcome, GatedCase):
            cases.append(outcome)
        else:
            judged.append(outcome)
    answers = answers_of([one.evidence for one in judged])
    cases += [_case(one, answer) for one, answer in zip(judged, answers, strict=True)]
    cases += [GatedCase(name, "cannot tell", "it was not measured for the candidate", name) for name in compared.only_a]
    return tuple(cases)


def _without_ratio(pair: Pair, across: Collection[str]) -> GatedCase | None:
    """The answer where no ratio can be judged, or need be; None where one can."""
    # A side lists its failed runs last, whenever they were: run ids sort by time.
    latest = Side(pair.b.key, (max(pair.b.runs, key=lambda run: run.record.run_id),))
    if latest.failure and pair.a.measured:
        return _named(pair, "worse", f"it fails now: {latest.failure}")
    if pair.comparison is None:
        return _named(pair, "cannot tell", f"measuring the baseline failed: {pair.a.failure}")
    difference = unmeant(pair.differences, across)
    if difference is not None:
        return _named(pair, "cannot tell", difference)
    return None


def _evidence(pair: Pair, limit: float, history: Sequence[StoredRun]) -> _Judged | GatedCase:
    import numpy as np

    from latency_bench.harness.statistics.gate_answer import p_slower_rounds
    from latency_bench.harness.statistics.session_spread import UNKNOWN_SESSIONS, across_sessions

    found, medians = pair.comparison, pair.round_medians_ms
    assert found is not None
    assert medians is not None
    if found.low is None or found.high is None:
        few = f"{found.rounds_a} against {found.rounds_b} rounds are too few for an interval; 7 on each side would do"
        return _named(pair, "cannot tell", f"{few}: {ratio_words(found.ratio, None, None)}", found.ratio)
    disturbed = disturbances(run.record for run in (*pair.a.measured, *pair.b.measured))
    doubts = (f"the evidence is disturbed ({', '.join(disturbed)})",) if disturbed else ()
    if share_sessions(pair.a.measured, pair.b.measured) and not disturbed:
        p = p_slower_rounds(np.log(medians[0]), np.log(medians[1]), limit)
        return _Judged(pair, RatioEvidence(found.ratio, found.low, found.high, limit, p), (), ())
    spread = None if disturbed else measured_spread(history, pair.a.key.setting.device)
    counts = len(sessions_of(pair.a.measured)), len(sessions_of(pair.b.measured))
    wide = across_sessions(found.ratio, found.low, found.high, limit, spread, counts, found.confidence)
    if spread is None:
        bounds = f"{np.expm1(UNKNOWN_SESSIONS):.0%} are allowed for what the machine does between sessions"
        if not disturbed:
            doubts = ("the store has no repeated runs that show how far sessions lie apart",)
    else:
        bounds = f"sessions of this device spread by {spread.log_deviation:.1%}"
    return _Judged(pair, RatioEvidence(found.ratio, wide.low, wide.high, limit, wide.p_worse), doubts, (bounds,))


def _case(judged: _Judged, answer: Answer) -> GatedCase:
    one = judged.evidence
    if answer == "fine" and judged.doubts:
        answer = "cannot tell"
    text = answer_words(answer, one, [*(judged.doubts if answer == "cannot tell" else ()), *judged.bounds])
    return _named(judged.pair, answer, text, one.ratio, one.low, one.high, one.detectable)


def _named(
    pair: Pair,
    answer: Answer,
    reason: str,
    ratio: float | None = None,
    low: float | None = None,
    high: float | None = None,
    detectable: float | None = None,
) -> GatedCase:
    return GatedCase(pair.name, answer, reason, _side(pair.a), _side(pair.b), ratio, low, high, detectable)


def _side(side: Side) -> str:
    """The case, and of which runs."""
    ids = [run.record.run_id for run in side.runs]
    more = f" and {len(ids) - _RUNS_NAMED} more" if len(ids) > _RUNS_NAMED else ""
    return f"{side.key.label()} ({', '.join(ids[:_RUNS_NAMED])}{more})"
