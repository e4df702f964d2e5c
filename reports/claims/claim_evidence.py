"""What weakens the evidence behind a factor: the marks that stand beside its verdict."""

from __future__ import annotations

from collections.abc import Sequence

from latency_bench.harness.statistics.comparison import enough_rounds
from latency_bench.harness.statistics.steadiness import LEAST_REQUESTS
from latency_bench.reports.evidence import Run
from latency_bench.reports.tables.notes import has_few_requests

UNSTABLE, FEW_REQUESTS, FEW_ROUNDS = "unstable", "few requests", "few rounds"
MARKS_EXPLAINED = (
    f"{UNSTABLE}: one of the runs never settled. {FEW_REQUESTS}: some round has fewer than {LEAST_REQUESTS}, so that "
    f"nobody can tell whether it was steady. {FEW_ROUNDS}: enough for an interval at 95 %, too few for the p < 0.002 "
    "with which bench compare claims a difference."
)


def is_inconclusive(pairs: Sequence[tuple[Run, Run]]) -> bool:
    """Whether one of the runs was measured twice and never shown steady: it is no evidence for or against a claim."""
    return any(run["conclusive"] == "no" for pair in pairs for run in pair)


def marks_of(pairs: Sequence[tuple[Run, Run]]) -> tuple[str, ...]:
    """The marks of a factor that was made of these pairs of runs, baseline and candidate."""
    runs = [run for pair in pairs for run in pair]
    marks = {
        UNSTABLE: any(run["status"] == "unstable" for run in runs),
        FEW_REQUESTS: any(has_few_requests(run) for run in runs),
        FEW_ROUNDS: any(not enough_rounds(len(a["round_medians_ms"]), len(b["round_medians_ms"])) for a, b in pairs),
    }
    return tuple(mark for mark, applies in marks.items() if applies)
