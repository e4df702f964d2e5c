"""A campaign on this host, one device after the other, until nothing is left or nothing can be done."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import Plan, PlannedCase, PlannedPair
from latency_bench.harness.campaign.case_batch import CampaignSettings, measure_case_batch
from latency_bench.harness.campaign.pair_attempt import attempt_pair
from latency_bench.harness.campaign.state import AWAY, HOST_TROUBLE, NOT_THE_CASE, CaseRuns, runs_by_case
from latency_bench.harness.campaign.watcher import Watcher

LONGEST_WAIT_S = 600.0
"""Between two tries of a device that is away, unless the campaign asks for more."""

Work = TypeVar("Work", PlannedCase, PlannedPair)
Measure = Callable[[Sequence[Work], Sequence[Work]], list[Attempt]]
"""Try every case of a batch once; the second are those to come on the same device."""


def run_campaign(
    plan: Plan,
    runs: dict[str, CaseRuns],
    settings: CampaignSettings,
    watcher: Watcher,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Measure what is open of a plan, cases first, then pairs of them; `runs` are those that the store has (state.py),
    so that this goes on where an earlier call stopped, however it stopped. Raises what `measure_case_batch` raises.
    """

    def measure(case_batch: Sequence[PlannedCase], upcoming: Sequence[PlannedCase]) -> list[Attempt]:
        settings.check()
        return measure_case_batch(case_batch, upcoming, settings, watcher)

    def measure_pairs(pairs: Sequence[PlannedPair], _: Sequence[PlannedPair]) -> list[Attempt]:
        settings.check()
        return [attempt_pair(one, settings, watcher) for one in pairs]

    for case_batches in plan.case_batches(open_keys(plan, runs)).values():
        run_cases(plan, case_batches, runs, measure, watcher, sleep)
    if not plan.pairs:
        return
    for pairs in open_pairs(plan, runs_by_case(plan, settings.store), watcher).values():
        run_device(plan, [[one] for one in pairs], runs, measure_pairs, watcher, sleep)


def open_keys(plan: Plan, runs: dict[str, CaseRuns]) -> frozenset[str]:
    """Cases and pairs that have no result yet, and cases that have to be measured once more, with attempts left."""
    attempts = plan.retry.attempts
    unfinished = {key for key, found in runs.items() if found.is_open(attempts)}
    return frozenset(unfinished | {one.key for one in plan.cases if runs[one.key].repeats(one, attempts) is not None})


def open_pairs(plan: Plan, runs: dict[str, CaseRuns], watcher: Watcher) -> dict[str, list[PlannedPair]]:
    """Pairs that have no result yet, by device, in the order of the plan. Where a side has no number it is left."""
    found: dict[str, list[PlannedPair]] = {}
    keys = open_keys(plan, runs)
    for pair in plan.pairs:
        if pair.key not in keys:
            continue
        missing = [side.label for side in (pair.baseline, pair.candidate) if runs[side.key].finished is None]
        if missing:
            watcher.left(pair, f"{missing[0]} could not be measured")
        else:
            found.setdefault(pair.case.device.name, []).append(pair)
    return found


def run_cases(
    plan: Plan,
    case_batches: Sequence[Sequence[PlannedCase]],
    runs: dict[str, CaseRuns],
    measure: Measure[PlannedCase],
    watcher: Watcher,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """All cases of one device, as `run_device`; at the end those that were inconclusive, once more in fresh
    processes."""
    planned_of = {planned.key: planned for case_batch in case_batches for planned in case_batch}
    found = {key: runs[key].repeats(planned, plan.retry.attempts) for key, planned in planned_of.items()}
    inconclusive = {key: run for key, run in found.items() if run is not None}
    first = [[one for one in case_batch if one.key not in inconclusive] for case_batch in case_batches]
    for attempt in run_device(plan, [batch for batch in first if batch], runs, measure, watcher, sleep):
        if attempt.run is not None and attempt.wants_repeat(planned_of[attempt.key]):
            inconclusive[attempt.key] = attempt.run.rpartition("/")[2]
    repeats = [replace(planned_of[key], repeats=run) for key, run in inconclusive.items()]
    if repeats:
        watcher.stage(f"{len(repeats)} cases were not shown steady: measured once more in fresh processes")
        batches = [repeats[start : start + plan.case_batch] for start in range(0, len(repeats), plan.case_batch)]
        run_device(plan, batches, runs, measure, watcher, sleep)


def run_device(
    plan: Plan,
    case_batches: Iterable[Sequence[Work]],
    runs: dict[str, CaseRuns],
    measure: Measure[Work],
    watcher: Watcher,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Attempt]:
    """All batches of cases of one device, and what came of those that did not fail. A case that failed is tried again
    after the others, for as often as the plan says; a device that does not answer, or that somebody else measures, is
    waited for, and in the end left for another time. No trouble of one device ends the work of another."""
    queue = deque(list(case_batch) for case_batch in case_batches)
    failures = {planned.key: runs[planned.key].failures for case_batch in queue for planned in case_batch}
    absences: Counter[str] = Counter()
    silent = 0
    finished: list[Attempt] = []
    while queue:
        case_batch = queue.popleft()
        by_key = {planned.key: planned for planned in case_batch}
        measured = measure(case_batch, queue[0] if queue else ())
        finished += [one for one in measured if not one.failed]
        attempts = [one for one in measured if one.failed]
        reasons = {one.key: one.reason or "" for one in attempts}
        away = [by_key[one.key] for one in attempts if one.kind in AWAY]
        tried = [one.key for one in attempts if one.kind == HOST_TROUBLE or one.kind not in NOT_THE_CASE]
        failures.update({key: failures[key] + 1 for key in tried})
        if again := [key for key in tried if failures[key] < plan.retry.attempts]:
            queue.append([by_key[key] for key in again])
        absences.update(planned.key for planned in away)
        silent = silent + 1 if len(away) == len(case_batch) else 0
        gone = silent >= plan.retry.unreachable
        given_up = [planned for planned in away if gone or absences[planned.key] >= plan.retry.unreachable]
        last = reasons[away[-1].key] if away else ""
        if gone:
            given_up += [planned for waiting in queue for planned in waiting]
            queue.clear()
        for planned in given_up:
            watcher.left(planned, reasons.get(planned.key) or last)
        if waiting := [planned for planned in away if planned not in given_up]:
            queue.appendleft(waiting)
            pause_s = min(plan.retry.wait_s * 2 ** max(0, silent - 1), max(plan.retry.wait_s, LONGEST_WAIT_S))
            watcher.stage(f"{case_batch[0].case.device.name} is tried again in {pause_s:.0f} s: {last}")
            sleep(pause_s)
    return finished
