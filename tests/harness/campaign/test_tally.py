"""How far a campaign is, from its events alone, and an estimate before there are any."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.estimate import START_S, Estimator
from latency_bench.harness.campaign.following import Follower
from latency_bench.harness.campaign.journal import JOURNAL_FILE, Journal, campaign_folder, campaign_names
from latency_bench.harness.campaign.narration import Narration
from latency_bench.harness.campaign.state import CaseRuns, runs_by_case
from latency_bench.harness.campaign.status import statuses
from latency_bench.harness.campaign.tally import Tally
from latency_bench.harness.cli.campaign_display import host_line
from latency_bench.harness.cli.campaign_rendering import render_summary
from latency_bench.harness.cli.watch import redrawn
from latency_bench.harness.store.listing import find_rows


class Silent:
    def event(self, tally, event):
        pass

    def progress(self, tally, case, round_index, progress):
        pass


def event(name, at, /, **fields):
    return {"event": name, "at": at, **fields}


def plan_event(estimates, at=0.0):
    cases = [
        {
            "case": key,
            "label": key,
            "estimate_s": seconds,
            "rounds": 2,
            "status": "open",
            "median_ms": None,
            "reason": None,
        }
        for key, seconds in estimates.items()
    ]
    return event("plan", at, name="c", cases=cases)


def attempted(key, at, status="done"):
    found = {"run": "d/m/r", "kind": None, "reason": None, "median_ms": 1.0}
    return event("attempted", at, case=key, status=status, **found)


def test_before_anything_is_measured_the_estimates_count():
    tally = Tally()
    tally.apply(plan_event({"a": 30.0, "b": 10.0}))
    assert tally.left_s() == 40
    unknown = Tally()
    unknown.apply(plan_event({"a": 30.0, "b": None}))
    assert unknown.left_s() is None


def test_then_the_pace_counts_in_the_proportion_of_the_estimates():
    tally = Tally()
    tally.apply(plan_event({"a": 30.0, "b": 10.0}))
    for one in (event("started", 0, case="a"), event("round", 20, case="a", rounds=1), attempted("a", 60)):
        tally.apply(one)
    assert tally.left_s() == 10, "two rounds are no pace yet"
    tally.apply(event("started", 60, case="b"))
    tally.apply(event("round", 70, case="b", rounds=1))
    assert tally.left_s() == pytest.approx(70 * 5 / 35)
    tally.apply(attempted("b", 80))
    assert tally.left_s() == 0
    assert tally.count("done") == 2


def test_a_failed_case_that_is_tried_again_is_running_again():
    tally = Tally()
    tally.apply(plan_event({"a": 1.0}))
    tally.apply(attempted("a", 1, status="failed"))
    assert (tally.count("failed"), tally.left_s()) == (1, 0)
    tally.apply(event("started", 2, case="a"))
    assert tally.count("running") == 1
    tally.apply(event("end", 3, how="interrupted"))
    assert tally.count("open") == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "event": st.sampled_from(
                    ["plan", "started", "round", "attempted", "left", "stage", "end", "x", "__class__"]
                )
            },
            optional=dict.fromkeys(["at", "cases", "case", "rounds", "status", "name", "text", "how", "reason"], JSON),
        ),
        max_size=6,
    )
)
def test_damaged_events_change_nothing_and_raise_nothing(events):
    tally = Tally()
    tally.apply(plan_event({"a": 1.0}))
    for one in events:
        tally.apply(one)
    tally.left_s()


def test_a_journal_is_followed_while_it_grows_to_its_end(make_plan, store):
    plan = make_plan(2)
    first, second = plan.cases
    with Journal(store, plan.name) as journal:
        narration = Narration(journal, Silent())
        narration.planned(plan.name, statuses(plan, runs_by_case(plan, store), {}), {first.key: 4.0, second.key: None})
        with Follower(store, plan.name) as follower:
            steps = iter(
                [
                    lambda: narration.started(first),
                    lambda: narration.round_done(first, 1, 2),
                    lambda: narration.attempted(Attempt(first.key, "d/m/r", "done", median_ms=2.5)),
                    lambda: narration.left(second, "the device does not answer"),
                    lambda: narration.ended("finished"),
                ]
            )
            seen = [one["event"] for one in follower.events(sleep=lambda _: next(steps)())]
            assert seen == ["plan", "started", "round", "attempted", "left", "end"]
            assert follower.tally.cases[first.key].median_ms == 2.5
            assert follower.tally.cases[second.key].reason == "the device does not answer"
            assert follower.tally == narration.tally
    assert campaign_names(store) == [plan.name]


def test_following_ends_with_a_process_that_was_killed_and_leaves_out_half_a_line(store):
    with Journal(store, "killed") as journal:
        journal.write({"event": "stage", "at": 1.0, "text": "begun"})
    path = campaign_folder(store, "killed") / JOURNAL_FILE
    path.write_text(path.read_text() + "\x00rubbish\n" + json.dumps({"event": "stage", "at": 2.0, "text": "half"})[:-3])
    with Follower(store, "killed") as follower:
        assert [one["text"] for one in follower.events(sleep=pytest.fail)] == ["begun"]


def test_an_estimate_comes_from_the_same_case_or_from_the_rate_of_others(make_plan, run_plan, store):
    plan = make_plan(2)
    run_plan(plan)
    rows = list(find_rows(store))
    case = plan.cases[0].case
    floors_s = case.protocol.warmup.min_s + case.protocol.sampling.min_s
    measured = Estimator(rows, lambda spec: None)
    assert measured.seconds(case) == pytest.approx(case.rounds * (START_S + floors_s), rel=0.01)
    other = dataclasses.replace(case, batch=2)
    assert measured.seconds(other) is None
    # One of a thousand times as many MACs: its latency, not the floors, decides.
    for row in rows:
        row["macs"] = 1_000_000
    by_rate = Estimator(rows, lambda spec: 1e9).seconds(
        dataclasses.replace(case, spec=case.spec.model_copy(update={"id": "new"}))
    )
    latency_s = rows[0]["median_ms"]
    warmup, sampling = case.protocol.warmup, case.protocol.sampling
    expected_s = min(warmup.max_s, warmup.min_count * latency_s) + min(sampling.max_s, sampling.min_count * latency_s)
    assert by_rate == pytest.approx(case.rounds * (START_S + expected_s), rel=0.02)


def test_while_a_device_has_no_host_no_time_is_promised_and_it_is_said_who_waits():
    tally = Tally()
    plan = plan_event({"a": 30.0, "b": 10.0})
    for case, device in zip(plan["cases"], ("orin", "nano"), strict=True):
        case["device"] = device
    tally.apply(plan)
    assert tally.left_s() == 40, "no cluster"
    tally.apply(event("host", 1, host="lab-a", devices=["orin"], state="here"))
    assert (tally.devices_without_host(), tally.left_s()) == (["nano"], None)
    tally.apply(event("host", 2, host="lab-b", devices=["nano", "orin"], state="here"))
    assert (tally.devices_without_host(), tally.left_s()) == ([], 40)
    tally.apply(event("stage", 3, text="b: round 1 of 2", host="lab-b"))
    tally.apply(event("host", 90, host="lab-b", devices=["nano", "orin"], state="gone"))
    assert tally.hosts["lab-b"].word == "b: round 1 of 2"
    assert tally.left_s() is None
    line = host_line(tally, "lab-b")
    assert "host lab-b (nano, orin): gone since " in line
    assert "the cases on nano wait" in line
    shown = io.StringIO()
    Console(file=shown, width=200).print(redrawn(tally, True, 40))
    assert "host lab-b (nano, orin): gone since " in shown.getvalue()
    assert "time left unknown" in shown.getvalue()
    tally.apply(attempted("b", 100))
    assert tally.devices_without_host() == []


def test_a_reason_with_brackets_is_shown_as_it_is(make_plan):
    plan = make_plan(1)
    words = "the package timm is not installed: pip install 'latency-bench[zoo]'"
    failed = Attempt(plan.cases[0].key, None, "failed", "host", words)
    shown = io.StringIO()
    cases = statuses(plan, {plan.cases[0].key: CaseRuns()}, {failed.key: failed})
    render_summary("c", cases, {}, Console(file=shown, width=200))
    assert "latency-bench[zoo]" in shown.getvalue()
