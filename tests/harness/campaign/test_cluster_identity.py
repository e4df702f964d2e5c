"""Who measures is stated with every answer: a late host of the same name does not take over. Hosts of these tests have
host names and machine ids of their own, in namespaces."""

from __future__ import annotations

import os
import signal

import clock_free_device
import pytest
from loopback_lab import ANSWER_S, SETTINGS, begun, inventory, measured, patient, plan_on, wait_for

from latency_bench.harness.campaign.campaign_file import Retry
from latency_bench.harness.campaign.cluster import connected
from latency_bench.harness.campaign.connection import Connection
from latency_bench.harness.campaign.host_identity import HostIdentity
from latency_bench.harness.campaign.host_monitor import HostMonitor
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.reader import read_record, run_paths


@pytest.fixture(autouse=True)
def _registered(needs_computers: None) -> None:
    clock_free_device.register()


def test_two_computers_of_one_host_name_are_refused(lab):
    lab.computer("twin", "1" * 32, "bench-a")
    lab.computer("twin", "2" * 32, "bench-b")
    with connected(lab.settings()) as cluster, pytest.raises(UsageError, match="two computers call themselves 'twin'"):
        list(map(patient(cluster.device_of), ["bench-a", "bench-b"]))


def test_two_computers_that_are_the_same_device_are_refused_and_named(lab):
    lab.computer("first", "1" * 32, "bench-a,bench-b")
    lab.computer("second", "2" * 32, "bench-a,bench-c")
    with connected(lab.settings()) as cluster, pytest.raises(UsageError, match="both offer themselves as 'bench-a'"):
        list(map(patient(cluster.device_of), ["bench-b", "bench-c"]))


@pytest.mark.parametrize("other", ["ssh: {host: orin-2}", "ssh: {host: orin, port: 2222}"])
def test_two_hosts_whose_settings_of_a_far_device_differ_are_told_at_the_start(lab, other):
    far = "transport: ssh, runner: clock-free, runtime: clock-free, probes: []"
    for name, words, own in (("first", "ssh: {host: orin}", "bench-a"), ("second", other, "bench-b")):
        devices = lab.folder / f"{name}.yaml"
        devices.write_text(inventory({"orin": f"{far}, {words}", own: SETTINGS}))
        lab.computer(name, name[0] * 32, f"orin,{own}", BENCH_DEVICES=str(devices))
    words = "(first and second|second and first) have different settings for 'orin'"
    with connected(lab.settings()) as cluster, pytest.raises(UsageError, match=words):
        list(map(patient(cluster.device_of), ["bench-a", "bench-b", "orin"]))
    assert lab.measuring() == []


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (("lab-a", "2" * 32), "this is lab-a (machine "),
        pytest.param(("lab-b", "1" * 32), "this is lab-b (machine ", marks=pytest.mark.slow),
    ],
)
def test_a_late_computer_does_not_take_over_the_device_of_one_that_died(lab, store, new_seen, second, words):
    lab.computer("lab-a", "1" * 32, "bench-a")
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 2, retry=Retry(wait_s=0.1, unreachable=1000))
        (lab.said / "hold").touch()
        seen = new_seen(lambda seen, name: None)
        campaign, results = begun(plan, cluster, store, seen)
        wait_for(lab.measuring, "the first case")
        lab.kill_last_host()
        (lab.said / "hold").unlink()
        before = len(lab.measuring())
        lab.computer(*second, "bench-a")
        refused = wait_for(lambda: [one for one in seen.of("attempted") if one.failed], "the late one to be refused")
        assert len(lab.measuring()) == before, "it did not even begin"
        lab.kill_last_host()
        lab.computer("lab-a", "1" * 32, "bench-a")
        campaign.join(ANSWER_S)
    assert {one.kind for one in refused} == {"other-host"}
    assert words in refused[0].reason
    assert results == {planned.key: ["done"] for planned in plan.cases}
    assert len([read_record(path) for path in run_paths(store)]) == 2


def test_a_late_host_of_other_software_is_refused_and_the_difference_is_said(lab, store, new_seen):
    lab.computer("lab-a", "1" * 32, "bench-a")
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 1, retry=Retry(wait_s=0.1, unreachable=2))
        lab.kill_last_host()
        lab.computer("lab-a", "1" * 32, "bench-a", BENCH_TEST_NUMPY="1.0.0")
        seen = new_seen(lambda seen, name: None)
        assert measured(plan, cluster, store, seen) == {plan.cases[0].key: []}
    (left,) = seen.of("left")
    assert left == plan.cases[0]
    assert all("it has numpy 1.0.0 instead of " in one.reason for one in seen.of("attempted"))


def test_what_tells_hosts_apart():
    one = HostIdentity(name="a", machine="1", version="1.0", commit="c" * 40, packages={"torch": "2.11", "numpy": "2"})
    assert one.is_same_computer(one.model_copy(update={"packages": {}}))
    assert not one.is_same_computer(one.model_copy(update={"machine": "2"}))
    assert one.program_differences(one.model_copy(update={"commit": None})) == []
    assert one.program_differences(one.model_copy(update={"commit": "c" * 40 + "+"})) != []
    assert one.program_differences(one.model_copy(update={"version": "1.1"})) == ["bench 1.1 instead of 1.0"]
    other = one.model_copy(update={"packages": {"torch": "2.12"}})
    assert one.package_differences(other, ["torch", "numpy"]) == ["torch 2.12 instead of 2.11"]


def test_a_host_that_goes_and_comes_back_is_told_with_its_own_name_and_devices(lab, monkeypatch):
    monkeypatch.setattr("latency_bench.harness.campaign.host_monitor.LOOK_S", 0.05)
    told: list[tuple[str, tuple[str, ...], str]] = []

    class Watcher:
        def host_changed(self, *change):
            told.append(change)

    lab.computer("lab-a", "1" * 32, "bench-a,bench-b")
    connection = Connection(lab.settings())
    try:
        with HostMonitor(connection, Watcher()):
            wait_for(lambda: told[-1:] == [("lab-a", ("bench-a", "bench-b"), "here")], "the host")
            lab.kill_last_host()
            wait_for(lambda: told[-1:] == [("lab-a", ("bench-a", "bench-b"), "gone")], "its end")
            lab.computer("lab-a", "1" * 32, "bench-a,bench-b")
            wait_for(lambda: told[-1:] == [("lab-a", ("bench-a", "bench-b"), "here")], "its return")
            monkeypatch.setattr("latency_bench.harness.campaign.host_monitor.SILENT_S", 1.0)
            os.kill(lab.processes[-1].pid, signal.SIGSTOP)
            wait_for(lambda: told[-1:] == [("lab-a", ("bench-a", "bench-b"), "silent")], "its silence")
    finally:
        connection.close()


def test_a_client_that_is_still_connecting_tells_of_no_host():
    """It answers with nothing; the hosts that were there are not gone for that."""
    answers = [{"workers": {"tcp://a": {"name": "lab-a", "last_seen": 1.0, "resources": {}}}}, {}]
    told: list[str] = []

    class Client:
        def client(self):
            return self

        def scheduler_info(self, n_workers):
            return answers.pop(0)

        def host_changed(self, name, devices, state):
            told.append(state)

    both = Client()
    monitor = HostMonitor(both, both)
    monitor.look()
    monitor.look()
    assert told == ["here"]
