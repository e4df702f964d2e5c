"""`bench pair` on a device behind a real SSH server: live workers there take turns, and nothing of them stays."""

from __future__ import annotations

import json
from pathlib import Path


def _pair(remote, *more: str):
    common = ("--device", "remote", "--resolution", "64x64", "--protocol", str(remote.folder / "fast.yaml"))
    return remote.bench("pair", "b0-cls-r224", "b0-cls-r224", *common, "--max-minutes", "0.02", "--json", *more)


def test_two_workers_on_one_device_over_one_link(remote):
    done = _pair(remote)
    assert done.returncode == 0, done.stderr
    result = done.json()
    assert result["process_pairs"] >= 1
    assert result["turns"]["mode"] == "turns"
    record = json.loads((Path(result["path"]) / "record.json").read_text())
    assert record["device"]["transport"] == "ssh"
    pids = [one["pid"] for side in record["sides"] for one in side["rounds"]]
    assert len(set(pids)) == 2 * result["process_pairs"], "every pair has fresh processes of its own"
    assert all(side["fidelity"]["passed"] for side in record["sides"])
    remote.server.wait_until_tidy()
    assert remote.bench("results", "verify").returncode == 0


def test_a_tool_that_cannot_take_turns_gets_short_processes_in_the_order_abba(remote):
    remote.jetson("10.3")
    remote.set_environment(TRTEXEC_VERSION="10.3", TRTEXEC_SECONDS="0.2")
    done = _pair(remote)
    assert done.returncode == 0, done.stderr
    result = done.json()
    assert result["turns"]["mode"] == "processes"
    assert "trtexec" in result["turns"]["reason"]
    assert "not_by_turns" in [flag["name"] for flag in result["flags"]]
    record = json.loads((Path(result["path"]) / "record.json").read_text())
    for side in record["sides"]:
        positions = [one["order_position"] for one in side["rounds"]]
        assert len(positions) == 2 * result["process_pairs"]
        assert {positions[0] + positions[1] for _ in positions} == {3}, "ABBA or BAAB: both sides are as early as late"
    assert remote.bench("results", "verify").returncode == 0
    remote.server.wait_until_tidy()
