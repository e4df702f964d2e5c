"""What a host may do to whoever runs a campaign, which is nothing; and certificates made by the command."""

from __future__ import annotations

import json
import os
import pickle
import stat

import clock_free_device
import pytest
from click.testing import CliRunner
from loopback_lab import Lab, measured, plan_on

from latency_bench.harness.campaign import inert_pickle
from latency_bench.harness.campaign.campaign_file import Retry
from latency_bench.harness.campaign.certificates import make_certificates
from latency_bench.harness.campaign.cluster import connected
from latency_bench.harness.campaign.host_answer import HostAnswer, UnreadableAnswerError, opened, sealed
from latency_bench.harness.campaign.host_identity import HostIdentity
from latency_bench.harness.cli.host import host
from latency_bench.harness.errors import UsageError

ALICE = HostIdentity(name="alice", version="1")


@pytest.fixture(autouse=True)
def _registered() -> None:
    clock_free_device.register()


@pytest.mark.parametrize("way", ["returns", "nests", "raises"])
def test_a_hostile_host_runs_nothing_here_and_fails_its_own_cases(lab, store, new_seen, way):
    (lab.said / "hostile").write_text(way)
    lab.host("bench-a")
    with connected(lab.settings()) as cluster:
        plan = plan_on(lab, cluster, ["bench-a"], 1, retry=Retry(attempts=1, wait_s=0, unreachable=1))
        seen = new_seen(lambda seen, name: None)
        assert measured(plan, cluster, store, seen) == {plan.cases[0].key: []}
    assert [one.failed for one in seen.of("attempted")] == [True]
    executed = lab.said / "executed"
    # The hostile host itself tries whether its exception can be read.
    assert str(os.getpid()) not in (executed.read_text().split() if executed.exists() else [])


def test_a_pickle_that_calls_something_calls_nothing(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path / "executed").touch, ()

    found = inert_pickle._InertPickle.loads(pickle.dumps([Evil(), b"bytes", {"a": 1.5}, ValueError("plain")]))
    assert isinstance(found[0], inert_pickle.InertError)
    assert found[1:3] == [b"bytes", {"a": 1.5}]
    assert isinstance(found[3], ValueError)
    assert not (tmp_path / "executed").exists()


def test_an_answer_is_what_was_sealed_or_none():
    answer = HostAnswer(ALICE, [{"a": 1}], None, b"\n\x00 archive")
    assert opened(sealed(answer)) == answer
    good = sealed(answer)
    for content in (None, {"host": "alice"}, b"", b"{}\n", b"no json\n", good.replace(b'"alice"', b"7"), good[:20]):
        with pytest.raises(UnreadableAnswerError):
            opened(content)


def test_certificates_of_one_command_join_a_scheduler_and_others_do_not(tmp_path, store, new_seen, lab_server):
    folder = tmp_path / "certificates"
    done = CliRunner().invoke(host, ["certificates", "lab", "desk", "--folder", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.output)["made"]) == 6
    for name in ("ca", "lab", "desk"):
        assert stat.S_IMODE((folder / f"{name}.key").stat().st_mode) == 0o600
    lab = Lab(tmp_path, (folder / "ca.pem", folder / "lab.pem", folder / "lab.key"), server=lab_server)
    try:
        lab.host("bench-a", (folder / "ca.pem", folder / "desk.pem", folder / "desk.key"))
        with connected(lab.settings()) as cluster:
            plan = plan_on(lab, cluster, ["bench-a"], 1)
            assert measured(plan, cluster, store, new_seen(lambda seen, name: None)) == {plan.cases[0].key: ["done"]}
    finally:
        lab.end()


def test_an_authority_signs_for_more_hosts_and_overwrites_nothing(tmp_path):
    assert len(make_certificates(tmp_path, ["lab"], 10)) == 4
    before = (tmp_path / "ca.pem").read_bytes()
    assert [path.name for path in make_certificates(tmp_path, ["desk"], 10)] == ["desk.key", "desk.pem"]
    assert (tmp_path / "ca.pem").read_bytes() == before
    for wrong in ("lab", "../up", "ca", ""):
        with pytest.raises(UsageError):
            make_certificates(tmp_path, [wrong], 10)
    (tmp_path / "ca.key").write_text("no key")
    with pytest.raises(UsageError, match="the authority in"):
        make_certificates(tmp_path, ["nano"], 10)
    assert not (tmp_path / "nano.pem").exists()
