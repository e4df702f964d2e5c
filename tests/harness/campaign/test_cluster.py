"""Campaigns over several processes of a real Dask cluster, some of which die."""

from __future__ import annotations

import threading
import time

import clock_free_device
import pytest
from certificates import authority, member
from loopback_lab import ANSWER_S, Lab, begun, measured, plan_on, wait_for

from latency_bench.devices.errors import InventoryError, UnreachableError
from latency_bench.harness.campaign.campaign_file import Retry
from latency_bench.harness.campaign.cluster import connected
from latency_bench.harness.campaign.cluster_settings import cluster_settings
from latency_bench.harness.campaign.remote import packed, unpacked
from latency_bench.harness.export import ExportOptions, export_artifact
from latency_bench.harness.store.reader import run_paths
from latency_bench.harness.store.verify import verify_store
from latency_bench.model_specs import load_spec


@pytest.fixture(autouse=True)
def _registered() -> None:
    clock_free_device.register()


def test_each_case_is_measured_where_its_device_is_and_comes_back_whole(lab, store, new_seen):
    lab.host("bench-a")
    lab.host("bench-b")
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a", "bench-b"], 2)
        seen = new_seen(lambda seen, name: None)
        assert measured(plan, cluster, store, seen) == {planned.key: ["done"] for planned in plan.cases}
    assert len(set(lab.measuring())) == 2, "two hosts"
    assert {path.parent.parent.name for path in run_paths(store)} == {"bench-a", "bench-b"}
    assert verify_store(store).findings == []
    assert len(seen.of("attempted")) == 4
    assert len(seen.of("started")) == 4
    assert any("round 2 of 2" in text for text in seen.of("stage"))


def test_a_host_that_dies_costs_only_its_current_case(lab, store, new_seen):
    lab.host("bench-a")
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 3)
        seen = new_seen(lambda seen, name: None)
        first_done = threading.Event()

        def hold_after_the_first(seen, name):
            if name == "attempted":
                (lab.said / "hold").touch()
                first_done.set()

        seen.on_call = hold_after_the_first
        campaign, results = begun(plan, cluster, store, seen)
        assert first_done.wait(ANSWER_S)
        before = len(lab.measuring())
        wait_for(lambda: len(lab.measuring()) > before, "the second case")
        (stored,) = run_paths(store)
        lab.processes[-1].kill()
        lab.processes[-1].wait()
        seen.on_call = lambda seen, name: None
        (lab.said / "hold").unlink()
        killed = set(lab.measuring())
        lab.host("bench-a")
        campaign.join(ANSWER_S)
    assert results == {planned.key: ["done"] for planned in plan.cases}
    assert stored in run_paths(store)
    again = len(lab.measuring()) - len([pid for pid in lab.measuring() if pid in killed])
    assert again == 2 * 2, "the case that died, from its beginning, and the one after it"
    assert verify_store(store).findings == []


def test_a_case_that_kills_every_host_is_given_up_and_the_rest_goes_on(lab, store, new_seen):
    lab.host("bench-a")
    (lab.said / "hold").touch()
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 2, retry=Retry(attempts=1))
        seen = new_seen(lambda seen, name: None)
        campaign, results = begun(plan, cluster, store, seen)
        while not seen.of("attempted"):
            pids = {process.pid for process in lab.processes if process.poll() is None}
            if pids & set(lab.measuring()):
                lab.processes[-1].kill()
                lab.processes[-1].wait()
                lab.host("bench-a")
            time.sleep(0.05)
        (lab.said / "hold").unlink()
        campaign.join(ANSWER_S)
    given_up, done = seen.of("attempted")
    assert (given_up.run, given_up.kind) == (None, "hosts-died")
    assert done.status == "done"
    assert sorted(results.values()) == [[], ["done"]]


def test_a_campaign_that_is_left_leaves_no_host_measuring_and_goes_on_later(lab, store, new_seen):
    lab.host("bench-a")
    (lab.said / "hold").touch()
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 1)

        def leave(seen, name):
            if name == "stage":
                cluster.leave()

        measured(plan, cluster, store, new_seen(leave))
    assert run_paths(store) == []
    (lab.said / "hold").unlink()
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 1)
        assert measured(plan, cluster, store, new_seen(lambda seen, name: None)) == {plan.cases[0].key: ["done"]}
    assert len(lab.measuring()) <= 3, "one round of what was left, and two of what is wanted"


def test_a_device_that_no_host_offers_is_said_with_what_is_offered(lab, monkeypatch):
    lab.host("bench-a")
    with connected(lab.settings()) as cluster:
        cluster.device_of("bench-a")
        monkeypatch.setattr("latency_bench.harness.campaign.cluster.APPEAR_S", 0.1)
        with pytest.raises(InventoryError, match="Offered: bench-a"):
            cluster.device_of("orin")


def test_a_scheduler_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr("latency_bench.harness.campaign.connection.CONNECT_S", 0.5)
    settings = cluster_settings("tcp://127.0.0.1:9", None, None, None, True)
    assert settings is not None
    with pytest.raises(UnreachableError, match="nobody listens there"), connected(settings):
        pass


def test_with_tls_hosts_of_another_authority_are_shut_out(tmp_path, store, new_seen, monkeypatch, lab_server):
    ours, theirs = authority(tmp_path, "ours"), authority(tmp_path, "theirs")
    lab = Lab(tmp_path, member(tmp_path, "lab", ours, "ours"), server=lab_server)
    try:
        assert lab.address.startswith("tls://")
        stranger = member(tmp_path, "stranger", theirs, "ours")
        lab.host("bench-b", stranger)
        lab.host("bench-a")
        with connected(lab.settings()) as cluster:
            plan = plan_on(lab, cluster, ["bench-a"], 1)
            assert measured(plan, cluster, store, new_seen(lambda seen, name: None)) == {plan.cases[0].key: ["done"]}
        monkeypatch.setattr("latency_bench.harness.campaign.cluster.APPEAR_S", 0.5)
        with connected(lab.settings()) as cluster, pytest.raises(InventoryError):
            cluster.device_of("bench-b")
        monkeypatch.setattr("latency_bench.harness.campaign.connection.CONNECT_S", 1.0)
        outside = cluster_settings(lab.address, *stranger, insecure=False)
        assert outside is not None
        with pytest.raises(UnreachableError), connected(outside):
            pass
    finally:
        lab.end()


def test_an_export_travels_whole_or_not_at_all(tmp_path, shared_cache):
    options = ExportOptions()
    artifact = export_artifact(load_spec("b0-cls-r224").at((64, 64)), "onnx", options, cache=shared_cache)
    files = packed(artifact)
    there = unpacked(files, tmp_path / "there")
    assert there.sha256 == artifact.sha256
    assert there.path.read_bytes() == artifact.path.read_bytes()
    assert there.reference is not None
    damaged = {name: content[:-1] if name == artifact.path.name else content for name, content in files.items()}
    with pytest.raises(ValueError, match="bytes instead of"):
        unpacked(damaged, tmp_path / "damaged")
    with pytest.raises(ValueError, match="plain name of a file"):
        unpacked({"../escape": b""}, tmp_path / "escaped")
    assert not (tmp_path / "escape").exists()
