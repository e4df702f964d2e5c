"""What a reader of a number has to know, from the row of its run: the footnotes of a cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from latency_bench.harness.statistics.steadiness import LEAST_REQUESTS
from latency_bench.harness.store.delegation import PARTLY_DELEGATED, Delegation
from latency_bench.harness.store.outcome import WHOLE_PIPELINE, WHOLE_REQUEST
from latency_bench.reports.evidence import Run
from latency_bench.reports.tables.text import one_line

TOO_FEW_ROUNDS = "too few rounds for an interval"
ONE_ROUND = "one round: no interval, for it knows nothing of other processes"
FEW_REQUESTS = f"few requests: fewer than {LEAST_REQUESTS} in some round, too few to tell whether it was steady"
_FAILURE_LENGTH = 200
_MOST_CONDITIONS, _CONDITION_LENGTH = 4, 120


def notes_of(run: Run) -> tuple[str, ...]:
    """For the latency of a run with numbers."""
    return tuple(_notes(run))


def throughput_notes(run: Run) -> tuple[str, ...]:
    """For its throughput, which has no interval: what speaks against the run, and how it was found."""
    spoken = tuple(note for note in _notes(run) if note not in (TOO_FEW_ROUNDS, ONE_ROUND))
    if run["throughput_img_s"] is None:
        return (*spoken, "batch over median latency: one request at a time")
    return spoken


def failure_note(run: Run) -> str:
    """Why there is no number, with the stage in which it ended."""
    why = one_line(run["failure"] or run["failure_kind"] or "no reason is recorded", _FAILURE_LENGTH)
    return f"failed in {one_line(run['failure_stage'] or 'an unknown stage', 40)}: {why}"


def no_ratio(obstacles: Sequence[str]) -> str:
    """Why two numbers are not set against each other: every condition that differs, with both values."""
    shown = "; ".join(one_line(text, _CONDITION_LENGTH) for text in obstacles[:_MOST_CONDITIONS])
    more = len(obstacles) - _MOST_CONDITIONS
    return f"no ratio, measured under different conditions: {shown}" + (f"; and {more} more" if more > 0 else "")


def meant_difference(text: str) -> str:
    """A condition in which the two sides of a ratio may differ, because the user says so."""
    return f"compared across: {one_line(text, _CONDITION_LENGTH)}"


def has_few_requests(run: Run) -> bool:
    """Whether some round of a run has too few requests to tell whether it was steady."""
    return any(count < LEAST_REQUESTS for count in run["round_samples"] or ())


def _notes(run: Run) -> Iterator[str]:
    told = set()
    if run["status"] == "unstable":
        told.add("unstable")
        yield "unstable: the latencies never settled, the number describes that run alone"
    if run["throttled"] == "yes":
        told.add("throttled")
        yield "throttled while it was measured"
    if run["latency_covers"] == WHOLE_PIPELINE:
        yield f"the time of the {WHOLE_PIPELINE} (decoded with {one_line(run['pipeline'], 40)})"
    elif run["latency_covers"] not in (None, WHOLE_REQUEST):
        yield f"not a whole request; the time of: {one_line(run['latency_covers'], 120)}"
    if note := Delegation.of_row(run).note(run["runner"]):
        told.add(PARTLY_DELEGATED)
        yield one_line(note, 160)
    if run["fidelity"] is False:
        yield "the outputs do not agree with the fp32 module's"
    if run["low_ms"] is None:
        told.add("few_rounds")
        yield ONE_ROUND if run["rounds"] == 1 else TOO_FEW_ROUNDS
    if has_few_requests(run):
        yield FEW_REQUESTS
    others = [one_line(str(name), 40) for name in run["flags"] if name not in told]
    if others:
        yield f"flags: {', '.join(others)}"
