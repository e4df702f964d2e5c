"""What is wrong with one host, or one device, costs its own cases, says so, and names the host."""

from __future__ import annotations

import os
import shutil
import socket

import clock_free_device
import pytest
from loopback_lab import ANSWER_S, begun, measured, plan_on, wait_for

from latency_bench.devices.locking import Holder, lock_device_here
from latency_bench.harness.campaign.campaign_file import Retry
from latency_bench.harness.campaign.cluster import connected


@pytest.fixture(autouse=True)
def _registered() -> None:
    clock_free_device.register()


def test_a_device_in_use_is_waited_for_while_others_are_measured(lab, store, new_seen):
    lab.host("bench-a,bench-b")
    held = lock_device_here("bench-a", Holder.here("bench run --model other"), shared=False)
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a", "bench-b"], 2, retry=Retry(wait_s=0.1, unreachable=1000))
        seen = new_seen(lambda seen, name: None)
        campaign, results = begun(plan, cluster, store, seen)
        wait_for(lambda: sum(not one.failed for one in seen.of("attempted")) == 2, "the device that is free")
        wait_for(lambda: any(one.kind == "busy" for one in seen.of("attempted")), "the device in use to be refused")
        held.release()
        campaign.join(ANSWER_S)
    assert results == {planned.key: ["done"] for planned in plan.cases}
    assert any("bench run --model other" in text and "bench-a is tried again" in text for text in seen.of("stage"))


@pytest.mark.parametrize("trouble", ["a package that is missing", "no temporary folder"])
def test_a_host_in_trouble_fails_its_own_cases_with_its_name_and_the_reason(lab, store, new_seen, trouble):
    scratch = lab.folder / "scratch"
    scratch.mkdir()
    lab.host("bench-a", TMPDIR=str(scratch))
    lab.host("bench-b")
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a", "bench-b"], 1, retry=Retry(wait_s=0.1))
        if trouble == "no temporary folder":
            shutil.rmtree(scratch)
            reason = "No such file or directory"
        else:
            (lab.said / f"incomplete-{lab.processes[-2].pid}").touch()
            reason = "the package timm is not installed there"
        seen = new_seen(lambda seen, name: None)
        results = measured(plan, cluster, store, seen)
    by_device = {planned.case.device.name: results[planned.key] for planned in plan.cases}
    assert by_device == {"bench-a": [], "bench-b": ["done"]}
    failed = [one for one in seen.of("attempted") if one.failed]
    assert len(failed) == plan.retry.attempts
    for one in failed:
        assert one.kind == "host"
        assert one.reason.startswith(f"{socket.gethostname()}: ")
        assert reason in one.reason
        assert "scheduler" not in one.reason
    assert os.listdir(store) != []
