"""A campaign on a cluster whose store is a bucket that fails meanwhile."""

from __future__ import annotations

import warnings
from typing import Any

import clock_free_device
import pytest
from fault_trial import settings_of
from loopback_lab import measured, plan_on

from latency_bench.harness.campaign.cluster import connected
from latency_bench.harness.campaign.device_line import DeviceLine
from latency_bench.harness.campaign.known_hosts import KnownHosts
from latency_bench.harness.store import mirrors
from latency_bench.harness.store.errors import NotAskedWarning, NotSentWarning, StoreFullError
from latency_bench.harness.store.location import store_location


@pytest.fixture(autouse=True)
def _registered() -> None:
    clock_free_device.register()


def test_room_is_asked_for_before_a_host_is(tmp_path, small_file_system):
    """Where a campaign runs is not where it is measured: the host has room enough."""
    plan = clock_free_device.clock_free_plan(tmp_path, 1)
    nobody: Any = None
    line = DeviceLine(nobody, KnownHosts(), settings_of(plan, small_file_system / "store"), "topic")
    with pytest.raises(StoreFullError, match="may have no room"):
        line.measure(plan.cases, ())


@pytest.mark.parametrize("fault", [500, pytest.param("refuse", marks=pytest.mark.slow)])
def test_what_is_measured_while_the_bucket_fails_is_kept_and_sent_later(lab, new_seen, s3_proxy, s3_url, fault):
    lab.host("bench-a")
    store = store_location(s3_url)
    mirror = mirrors.mirror_of(store)
    assert mirror is not None

    def fail(seen, name):
        if name == "started":
            s3_proxy.fault = fault
            s3_proxy.cut()

    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 2)
        mirror.pull()
        mirror.forget_listing()
        seen = new_seen(fail)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert measured(plan, cluster, store, seen) == {planned.key: ["done"] for planned in plan.cases}
    assert {NotSentWarning, NotAskedWarning} <= {one.category for one in said}
    assert [one.status for one in seen.of("attempted")] == ["done", "done"]
    assert len(mirrors.unsent_runs()) == 2, "the exit code says so"
    s3_proxy.fault, mirror.remote._away_until_s = None, 0.0
    assert mirror.send_pending() == []
    assert mirrors.unsent_runs() == []
