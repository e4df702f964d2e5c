"""Campaigns behind slow, cut and silent links: a proxy before the real scheduler."""

from __future__ import annotations

import clock_free_device
import pytest
from faulty_proxy import FaultyProxy
from loopback_lab import ANSWER_S, NAMES, begun, measured, plan_on, wait_for

from latency_bench.harness.campaign.campaign_file import Retry
from latency_bench.harness.campaign.cluster import connected
from latency_bench.harness.store.verify import verify_store


@pytest.fixture(autouse=True)
def _registered() -> None:
    clock_free_device.register()


@pytest.mark.parametrize(
    ("delay_s", "devices", "cases"), [(0.3, NAMES[:1], 2), pytest.param(0.1, NAMES, 2, marks=pytest.mark.slow)]
)
def test_results_arrive_however_long_the_way_is(lab, store, new_seen, delay_s, devices, cases):
    lab.host(",".join(devices))
    with FaultyProxy("127.0.0.1", lab.port) as proxy:
        proxy.delay_s = delay_s
        with connected(lab.settings(f"tcp://127.0.0.1:{proxy.port}")) as cluster:
            plan = plan_on(lab, cluster, devices, cases)
            results = measured(plan, cluster, store, new_seen(lambda seen, name: None))
    assert results == {planned.key: ["done"] for planned in plan.cases}
    assert len(lab.measuring()) == len(plan.cases) * 2, "two rounds each, and nothing twice"


def test_a_link_that_is_cut_costs_no_case_and_measures_none_for_nobody(lab, store, new_seen):
    lab.host("bench-a")
    with (
        FaultyProxy("127.0.0.1", lab.port) as proxy,
        connected(lab.settings(f"tcp://127.0.0.1:{proxy.port}")) as cluster,
    ):
        plan = plan_on(lab, cluster, ["bench-a"], 2, retry=Retry(wait_s=0.2))
        (lab.said / "hold").touch()
        seen = new_seen(lambda seen, name: None)
        campaign, results = begun(plan, cluster, store, seen)
        wait_for(lab.measuring, "the first case")
        proxy.cut()
        lost = wait_for(lambda: [one for one in seen.of("attempted") if one.failed], "the loss to be noticed")
        (lab.said / "hold").unlink()
        campaign.join(ANSWER_S)
    assert {one.kind for one in lost} == {"unreachable"}
    assert "connection to the scheduler" in lost[0].reason
    assert results == {planned.key: ["done"] for planned in plan.cases}
    assert verify_store(store).findings == []


def test_a_link_between_host_and_scheduler_that_is_cut_has_nothing_measured_for_nobody(lab, store, new_seen):
    """The host ends what it was at before it joins again, and its device is free then."""
    with FaultyProxy("127.0.0.1", lab.port) as proxy, connected(lab.settings()) as cluster:
        lab.host("bench-a", scheduler=f"tcp://127.0.0.1:{proxy.port}")
        plan = plan_on(lab, cluster, ["bench-a"], 2, retry=Retry(wait_s=0.2))
        (lab.said / "hold").touch()
        seen = new_seen(lambda seen, name: None)
        campaign, results = begun(plan, cluster, store, seen)
        wait_for(lab.measuring, "the first case")
        proxy.fault = "refuse"
        proxy.cut()
        log = lab.folder / "host.log"
        wait_for(lambda: "ending the measurement under way first" in log.read_text(), "the host to notice")
        (lab.said / "hold").unlink()
        proxy.fault = None
        campaign.join(ANSWER_S)
    assert results == {planned.key: ["done"] for planned in plan.cases}
    assert [one for one in seen.of("attempted") if one.failed] == []
    assert len(lab.measuring()) == 1 + 2 * 2, "the round that was cut off, and two of each case"
    assert verify_store(store).findings == []


def test_a_scheduler_that_is_started_again_goes_on_with_the_campaign(lab, store, new_seen):
    """The host drops what it was at, is offered again once it is idle, and finds its device free."""
    lab.host("bench-a")
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 2, retry=Retry(wait_s=1))
        (lab.said / "hold").touch()
        seen = new_seen(lambda seen, name: None)
        campaign, results = begun(plan, cluster, store, seen)
        wait_for(lab.measuring, "the first case")
        lab.restart_scheduler()
        (lab.said / "hold").unlink()
        campaign.join(ANSWER_S)
    assert results == {planned.key: ["done"] for planned in plan.cases}
    assert {one.kind for one in seen.of("attempted") if one.failed} <= {"unreachable"}
