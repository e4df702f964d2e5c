"""What is not shown steady is measured once more, then stays inconclusive: alone, and in a campaign at its end."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from latency_bench.devices import parts
from latency_bench.harness.benchmark import run_benchmarks
from latency_bench.harness.campaign.campaign_plan import Plan
from latency_bench.harness.campaign.case_batch import CampaignSettings
from latency_bench.harness.campaign.one_host import run_campaign
from latency_bench.harness.campaign.state import runs_by_case
from latency_bench.harness.campaign.status import statuses
from latency_bench.harness.case import Case
from latency_bench.harness.conclusiveness import conclusiveness
from latency_bench.harness.store.listing import find_rows

REQUESTS = 96


class Series:
    """Latencies of a device, round by round: `level(round)` is a factor on each request. Watches a campaign too."""

    def __init__(self, clock_free: ModuleType) -> None:
        self.rounds: list[str] = []
        self.stages: list[str] = []
        self._columns = clock_free._columns
        self.steady_from: dict[str, int] = {}
        """By file, from which of its rounds on it is steady; others drift."""
        self.spread = 0.0
        """From round to round."""

    def columns(self, sha256: str, count: int) -> Any:
        made = self._columns(sha256, REQUESTS)
        if count < 10:
            return made
        number = self.rounds.count(sha256)
        self.rounds.append(sha256)
        drift = np.linspace(1, 1 if number >= self.steady_from.get(sha256, 0) else 1.5, REQUESTS)
        scatter = np.exp(self.spread * np.random.default_rng(number).normal())
        return dataclasses.replace(made, latency_ns=(made.latency_ns * drift * scatter).astype(np.int64))

    def stage(self, text: str, host: str | None = None) -> None:
        self.stages.append(text)

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture
def clock_free(load_script: Any) -> ModuleType:
    found: ModuleType = load_script("scripts/clock_free_device.py")
    return found


@pytest.fixture
def series(clock_free: ModuleType, monkeypatch: pytest.MonkeyPatch, own_cache: Path, locks: Path) -> Series:
    monkeypatch.setitem(parts._registered, ("runner", "clock-free"), clock_free.ClockFreeRunner)
    found = Series(clock_free)
    monkeypatch.setattr(clock_free, "_columns", found.columns)
    return found


@pytest.fixture
def plan(clock_free: ModuleType, series: Series, tmp_path: Path) -> Any:
    def make(count: int, **protocol: Any) -> Plan:
        made = clock_free.clock_free_plan(tmp_path, count)
        cases = []
        for one in made.cases:
            profile = one.case.protocol.model_copy(update={"again": True, **protocol})
            case = dataclasses.replace(one.case, protocol=profile, most_rounds=profile.most_rounds)
            cases.append(dataclasses.replace(one, case=case))
        return dataclasses.replace(made, cases=tuple(cases), case_batch=2)

    return make


def _sha256(case: Case) -> str:
    assert case.artifact is not None
    return case.artifact.sha256


def test_a_run_that_is_not_shown_steady_is_measured_once_more_and_both_are_stored(
    plan: Any, series: Series, tmp_path: Path
) -> None:
    cases = [planned.case for planned in plan(3).cases]
    steady, settles, never = map(_sha256, cases)
    series.steady_from = {settles: 2, never: 99}
    finished = run_benchmarks(cases, tmp_path / "store", ["bench"], series)
    assert [series.rounds.count(one) for one in (steady, settles, never)] == [2, 4, 4]
    assert [record.verdicts["conclusive"] for record, _ in finished] == ["yes", "yes", "no"]
    assert "inconclusive" in {flag.name for flag in finished[2][0].flags}
    rows = find_rows(tmp_path / "store")
    by_repeat = sorted((row["model"], row["conclusive"], row["repeats"] is not None) for row in rows)
    assert by_repeat == [
        ("case-0000", "yes", False),
        ("case-0001", "unknown", False),
        ("case-0001", "yes", True),
        ("case-0002", "no", True),
        ("case-0002", "unknown", False),
    ]


def test_a_protocol_that_does_not_ask_for_it_measures_once(plan: Any, series: Series, tmp_path: Path) -> None:
    (case,) = (planned.case for planned in plan(1, again=False).cases)
    series.steady_from = {_sha256(case): 99}
    ((record, _),) = run_benchmarks([case], tmp_path / "store", ["bench"], series)
    assert (record.verdicts["conclusive"], len(series.rounds)) == ("unknown", 2)


def test_a_campaign_measures_them_at_its_end_once_and_counts_them(plan: Any, series: Series, tmp_path: Path) -> None:
    made, store = plan(4), tmp_path / "store"
    never, settles = (_sha256(made.cases[index].case) for index in (0, 1))
    series.steady_from = {never: 99, settles: 2}

    def run() -> None:
        settings = CampaignSettings(made.name, store, ("bench",), 0, wait=False)
        run_campaign(made, runs_by_case(made, store), settings, series, lambda _: None)

    run()
    assert set(series.rounds[-4:]) == {never, settles}, "after everything else"
    assert len(series.rounds) == 2 * 6
    run()
    assert len(series.rounds) == 2 * 6, "what stays inconclusive is not measured for ever"
    found = statuses(made, runs_by_case(made, store), {})
    assert [one.is_inconclusive for one in found] == [True, False, False, False]


def test_a_campaign_that_stopped_before_its_end_still_measures_them(plan: Any, series: Series, tmp_path: Path) -> None:
    made, store = plan(2), tmp_path / "store"
    series.steady_from = {_sha256(made.cases[0].case): 2}
    settings = CampaignSettings(made.name, store, ("bench",), 0, wait=False)

    class Stopped(Series):
        def stage(self, text: str, host: str | None = None) -> None:
            if "once more" in text:
                raise KeyboardInterrupt

    stopping = object.__new__(Stopped)
    with pytest.raises(KeyboardInterrupt):
        run_campaign(made, runs_by_case(made, store), settings, stopping, lambda _: None)
    assert len(series.rounds) == 4
    run_campaign(made, runs_by_case(made, store), settings, series, lambda _: None)
    assert len(series.rounds) == 6
    assert not any(one.is_inconclusive for one in statuses(made, runs_by_case(made, store), {}))


@pytest.mark.parametrize(("spread", "rounds"), [(0.0, 3), (0.1, 8)])
def test_rounds_are_added_where_the_first_ones_differ_within_the_protocols_bounds(
    plan: Any, series: Series, tmp_path: Path, spread: float, rounds: int
) -> None:
    (case,) = (planned.case for planned in plan(1, again=False, most_rounds=8, round_interval=0.02).cases)
    series.spread = spread
    case = dataclasses.replace(case, rounds=3)
    ((record, _),) = run_benchmarks([case], tmp_path / "store", ["bench"], series)
    assert (len(record.rounds), record.protocol["rounds"]) == (rounds, rounds)
    assert sorted(one.index for one in record.rounds) == list(range(rounds))


@pytest.mark.parametrize(
    ("steadiness", "flags", "is_repeat", "answer"),
    [
        (("steady", "steady", "drifting"), (), False, "yes"),
        (("steady", "steady", "steady"), ("processes_disagree",), False, "unknown"),
        (("steady", "unknown"), (), False, "unknown"),
        (("steady", "unknown"), (), True, "no"),
    ],
)
def test_what_is_conclusive(steadiness: Any, flags: Any, is_repeat: bool, answer: str) -> None:
    assert conclusiveness(steadiness, flags, is_repeat) == answer
