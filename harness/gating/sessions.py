"""Which stored runs share a session, and what the repeated runs of a store say of the time between sessions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.statistics.session_spread import SessionSpread, session_spread
from latency_bench.harness.store.reader import StoredRun

_SHARED = 0.5
"""Of the shorter run's time: so much has to overlap for two runs to have been interleaved."""

Span = tuple[datetime, datetime]


def sessions_of(runs: Sequence[StoredRun]) -> list[list[StoredRun]]:
    """Runs whose rounds were interleaved, together; in the order of time. A run that followed another is a session of
    its own: seconds are enough for a machine to change."""
    ordered = sorted(runs, key=lambda run: _span(run)[0])
    sessions: list[list[StoredRun]] = []
    for run in ordered:
        home = next((one for one in sessions if any(_interleaved(_span(run), _span(other)) for other in one)), None)
        if home is None:
            sessions.append([run])
        else:
            home.append(run)
    return sessions


def share_sessions(a: Sequence[StoredRun], b: Sequence[StoredRun]) -> bool:
    """Whether every session has runs of both sides, so that what the machine did was the same for both."""
    of_a, of_b = ({run.path for run in runs} for runs in (a, b))
    sessions = [{run.path for run in session} for session in sessions_of([*a, *b])]
    return all(session & of_a and session & of_b for session in sessions)


def measured_spread(runs: Iterable[StoredRun], device: str) -> SessionSpread | None:
    """How far a device's sessions lie apart, from every case that was measured in several under equal conditions.
    None where there is no such case."""
    repeated: dict[tuple[CaseKey, str], list[StoredRun]] = {}
    for run in runs:
        record = run.record
        if record.summary is not None and record.device.name == device:
            conditions = json.dumps(conditions_of(record), sort_keys=True, default=str)
            repeated.setdefault((CaseKey.of_record(record), conditions), []).append(run)
    levels = [[_log_level(session) for session in sessions_of(of_case)] for of_case in repeated.values()]
    return session_spread(levels)


def _log_level(session: Sequence[StoredRun]) -> float:
    medians = [run.record.summary.latency.median_ms for run in session if run.record.summary is not None]
    return float(np.median(np.log(medians)))


def _span(run: StoredRun) -> Span:
    """From the first round's start to the last one's: exports and builds before them are no measurement."""
    moments = [one.started_at for one in run.record.rounds]
    return (min(moments), max(moments)) if moments else (run.record.started_at, run.record.started_at)


def _interleaved(a: Span, b: Span) -> bool:
    shorter = min(a[1] - a[0], b[1] - b[0])
    overlap = min(a[1], b[1]) - max(a[0], b[0])
    return overlap.total_seconds() >= _SHARED * shorter.total_seconds()
