"""`bench init` and `bench devices doctor` without a name: where a new user begins."""

from __future__ import annotations

import json

import pytest
import yaml

from latency_bench.devices.attached import is_serial, ssh_hosts
from latency_bench.devices.device import Device
from latency_bench.harness.cli.init import campaign_text, device_name, devices_text


def test_what_is_written_is_used_and_never_replaced_unasked(bench, tmp_path):
    ssh = tmp_path / "home" / ".ssh"
    ssh.mkdir()
    (ssh / "config").write_text("Host orin nano\n  User me\nHost *\n  Compression yes\n")
    done = bench("init")
    assert done.returncode == 0, done.stderr
    assert "orin, nano of ~/.ssh/config" in done.stdout
    listed = [one["name"] for one in bench("devices", "ls", "--json").json()]
    assert listed[0] == "local"
    assert len(listed) == 2, "this computer by its own name; hosts are commented out"
    plan = bench("sweep", "campaign.yaml", "--dry-run", "--json")
    assert plan.returncode == 0, plan.stderr
    assert listed[1] in plan.stdout
    before = (tmp_path / "devices.yaml").read_text()
    again = bench("init")
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    assert (tmp_path / "devices.yaml").read_text() == before
    assert bench("init", "--force").returncode == 0


@pytest.mark.parametrize("serial", ["R58M12ABCDE", "192.168.1.7:5555", "(no serial number)", "A[%1]"])
def test_every_serial_becomes_an_entry(serial):
    entries = yaml.safe_load(devices_text("desk", [serial], ["NVIDIA H100\n  evil: 1"], ["orin\nevil: 1"]))["devices"]
    assert set(entries) == {"desk", device_name(serial), "gpu"}
    phone = Device(name=device_name(serial), **entries[device_name(serial)])
    assert phone.adb.serial == serial
    assert is_serial(serial)
    assert not is_serial('we"ird: {x}\n- &a')
    assert yaml.safe_load(campaign_text("desk"))["cases"][0]["devices"] == ["desk"]


def test_hosts_of_the_ssh_configuration(tmp_path):
    file = tmp_path / "config"
    file.write_text('Host a "b" *.lab !c\nhost=d\nMatch all\nHostName nowhere\n# Host e\nHost a\n')
    assert ssh_hosts(file) == ["a", "b", "d"]
    assert ssh_hosts(tmp_path / "missing") == []


def test_doctor_without_a_name_checks_this_computer(bench):
    done = bench("devices", "doctor", "--json")
    found = done.json()
    assert found["device"] == "local"
    assert found["extras_missing"] == [name for name in ("tensorrt", "pycuda") if name in found["extras_missing"]]
    shown = bench("devices", "doctor").stdout
    for extra in found["extras_missing"]:
        assert f"[{extra}]" in shown


def test_the_version_names_the_runtimes(bench):
    shown = bench("--version").stdout
    assert shown.startswith("bench ")
    assert "runtime onnxruntime: onnxruntime " in shown
    assert json.dumps(shown).isascii()
