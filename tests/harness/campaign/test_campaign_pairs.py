"""Ratios of a campaign are measured as pairs, after the cases, and go on where they stopped as those do."""

from __future__ import annotations

from dataclasses import replace

import clock_free_device
import pytest
from loopback_lab import measured, plan_on

from latency_bench.harness.campaign.campaign_file import CampaignFile
from latency_bench.harness.campaign.campaign_plan import PairTerms, PlannedPair, plan_of
from latency_bench.harness.campaign.cluster import connected
from latency_bench.harness.campaign.pair_plan import planned_pairs
from latency_bench.harness.campaign.place import Here
from latency_bench.harness.campaign.products import requests_of
from latency_bench.harness.campaign.state import runs_by_case
from latency_bench.harness.campaign.status import statuses
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.store.pair_listing import find_pairs
from latency_bench.harness.store.reader import run_paths
from latency_bench.harness.store.verify import verify_store

TERMS = PairTerms(load_protocol("quick"), within=0.5, max_minutes=0.5)


def with_pairs(plan, terms=TERMS):
    """Every case against the first."""
    baseline, *others = plan.cases
    return replace(plan, pairs=tuple(PlannedPair(baseline, one, terms) for one in others))


def pairs_in(store):
    return sorted(pair.record.campaign.case for pair in find_pairs(store) if pair.record.status == "done")


def test_pairs_follow_the_cases_and_are_measured_once(make_plan, run_plan, store):
    plan = with_pairs(make_plan(3))
    run_plan(plan)
    assert pairs_in(store) == sorted(pair.key for pair in plan.pairs)
    listed = statuses(plan, runs_by_case(plan, store), {})
    assert [one.standing for one in listed] == ["done"] * 5
    assert listed[-1].to_json()["ratio"].startswith("ratio ")
    assert "pair " in listed[-1].planned.label
    runs = run_paths(store)
    assert run_plan(plan).calls == []
    assert run_paths(store) == runs
    assert verify_store(store).findings == []


def test_more_precision_is_another_pair(make_plan, run_plan, store):
    plan = make_plan(2)
    run_plan(with_pairs(plan))
    run_plan(with_pairs(plan, replace(TERMS, within=0.4)))
    assert len(run_paths(store)) == 2, "the cases are those of before"
    assert len(pairs_in(store)) == 2


def test_an_interrupted_pair_is_measured_again_and_finished_ones_are_not(make_plan, run_plan, new_seen, store):
    plan = with_pairs(make_plan(3))

    def interrupt(seen, name):
        started = [one for one in seen.of("started") if isinstance(one, PlannedPair)]
        if name == "stage" and len(started) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, new_seen(interrupt))
    (first,) = pairs_in(store)
    seen = run_plan(plan)
    assert [one.key for one in seen.of("started")] == [pair.key for pair in plan.pairs if pair.key != first]
    assert len(pairs_in(store)) == 2
    assert verify_store(store).findings == []


def test_a_pair_with_a_side_that_has_no_number_is_left_with_the_reason(make_plan, run_plan, new_seen, store):
    plan = with_pairs(make_plan(3, faults={2: "dies"}))
    reasons = []
    seen = new_seen(lambda seen, name: None)
    seen.left = lambda planned, reason: reasons.append((planned.key, reason))
    run_plan(plan, seen)
    ((key, reason),) = reasons
    assert key == plan.pairs[1].key
    assert reason.endswith("could not be measured")
    assert pairs_in(store) == [plan.pairs[0].key]


def test_on_a_cluster_pairs_are_measured_where_their_device_is(lab, store, new_seen):
    clock_free_device.register()
    lab.host("bench-a")
    lab.host("bench-b")
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a", "bench-b"], 2)
        of_a, of_b = (
            [planned for planned in plan.cases if planned.case.device.name == name] for name in ("bench-a", "bench-b")
        )
        plan = replace(plan, pairs=tuple(PlannedPair(*sides, TERMS) for sides in (of_a, of_b)))
        seen = new_seen(lambda seen, name: None)
        found = measured(plan, cluster, store, seen)
        assert found == {planned.key: ["done"] for planned in plan.everything}
        assert pairs_in(store) == sorted(pair.key for pair in plan.pairs)
        assert {pair.record.device.name for pair in find_pairs(store)} == {"bench-a", "bench-b"}
        assert {one.key for one in seen.of("started")} == {one.key for one in plan.everything}
    assert verify_store(store).findings == []


def campaign_plan(**fields):
    asked = CampaignFile.model_validate({"cases": [{"models": ["b0-seg", "b1-seg", "b2-seg"], **fields}]})
    here = Here()
    return plan_of("any", requests_of(asked, here.device_of), here.device_of)


def test_each_case_is_paired_with_the_baseline_that_differs_in_the_model_alone():
    plan = campaign_plan(runtimes=["litert", "onnxruntime"], threads=[1, 2])
    pairs = planned_pairs(plan.cases, {"b1-seg": ["b0-seg"], "b2-seg": ["b0-seg", "segformer-b1"]}, TERMS)
    assert len(pairs) == 8
    assert len({pair.key for pair in pairs}) == 8
    for pair in pairs:
        assert pair.baseline.case.spec.id == "b0-seg"
        assert pair.baseline.case.runtime == pair.candidate.case.runtime
        assert pair.baseline.case.threads == pair.candidate.case.threads


@pytest.mark.parametrize(
    ("pairs", "found"), [("baseline", (0.05, 10.0)), ({"within": 0.03}, (0.03, 10.0)), ("none", "none")]
)
def test_a_campaign_says_how_its_ratios_are_measured(pairs, found):
    asked = CampaignFile.model_validate({"pairs": pairs, "cases": [{"models": ["b0-seg"]}]})
    assert (asked.pairs if asked.pairs == "none" else (asked.pairs.within, asked.pairs.max_minutes)) == found
    assert CampaignFile.model_validate({"cases": [{"models": ["b0-seg"]}]}).pairs != "none", "pairs are the default"
