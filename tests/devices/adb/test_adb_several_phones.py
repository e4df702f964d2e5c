"""Several phones at once, each known by its serial: measured beside each other, and found again at another address."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from debian_adbd import FIRST_PORT, Daemon
from loopback_phone import LoopbackPhone
from phone_runs import PROTOCOL, records

from latency_bench.devices.errors import UnreachableError
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.adb_program import AdbProgramLink, find_program

SERIALS = {"first": "R5CT1234567", "second": "39071FDJG0037M"}
StartAt = Callable[[str, int], Daemon]


@pytest.fixture
def start_at(adbd: Path, namespace: object, toybox: Path, tmp_path: Path) -> Iterator[StartAt]:
    """start_at("first", 3): the phone of this name, listening at the fourth port, and adb connected to it."""
    started: list[Daemon] = []
    program = find_program(AdbOptions())

    def start(name: str, place: int) -> Daemon:
        programs = tmp_path / f"{name}-bin"
        if not programs.exists():
            programs.mkdir()
            LoopbackPhone(programs, tmp_path / f"{name}-system").set(serial=SERIALS[name])
        system = tmp_path / f"{name}-system"
        mounts = {"/sys/devices/system/cpu": system / "cpu", "/sys/class": system / "class"}
        port, log = FIRST_PORT + 80 + place, tmp_path / f"{name}.log"
        daemon = Daemon(adbd, port, programs, log, others=toybox, mounts=mounts)
        started.append(daemon)
        subprocess.run([program, "connect", f"127.0.0.1:{daemon.port}"], check=True, capture_output=True, timeout=120)
        return daemon

    yield start
    subprocess.run([program, "disconnect"], check=False, capture_output=True, timeout=120)
    for daemon in started:
        daemon.kill()


def test_a_phone_that_comes_back_at_another_port_is_found_by_its_serial(start_at: StartAt) -> None:
    before, _ = start_at("first", 0), start_at("second", 1)
    options = AdbOptions(serial=SERIALS["first"])
    assert AdbProgramLink(options).description == f"127.0.0.1:{before.port}"
    before.kill()
    subprocess.run(
        [find_program(options), "disconnect", f"127.0.0.1:{before.port}"], check=True, capture_output=True, timeout=120
    )
    with pytest.raises(UnreachableError, match="R5CT1234567 is not attached"):
        AdbProgramLink(options)
    after = start_at("first", 2)
    assert AdbProgramLink(options).description == f"127.0.0.1:{after.port}"


def test_two_phones_are_measured_in_one_campaign(start_at: StartAt, tmp_path, make_tool, bench, user_devices) -> None:
    devices = {}
    for place, (name, serial) in enumerate(SERIALS.items()):
        start_at(name, 4 + place)
        devices[name] = {
            "transport": "adb",
            "runner": "benchmark_model",
            "probes": ["android"],
            "adb": {"serial": serial, "folder": str(tmp_path / name)},
            "benchmark_model": {"binary": str(make_tool("replay")), "runs": 4, "warmup_runs": 2},
        }
    user_devices(devices)
    (tmp_path / "short.yaml").write_text(PROTOCOL)
    product = {"models": ["b0-cls-r224"], "resolutions": [64], "devices": list(SERIALS), "set": {"as_in_paper": True}}
    campaign = {"name": "phones", "protocol": "short.yaml", "cases": [product]}
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(campaign))
    done = bench("sweep", "campaign.yaml", "--json", timeout_s=500)
    assert done.returncode == 0, done.stdout + done.stderr
    measured = {record["device"]["name"]: record for record in records(tmp_path)}
    assert {name: record["status"] for name, record in measured.items()} == {"first": "done", "second": "done"}
    for record in measured.values():
        assert record["device"]["fingerprint"]["android"]["model"] == "Stand-in 12"
        assert "paper_setting" in {flag["name"] for flag in record["flags"]}
