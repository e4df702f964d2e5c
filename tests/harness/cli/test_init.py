"""`bench init` and `bench devices doctor` without a name: where a new user begins."""

from __future__ import annotations

import json

import pytest
import yaml

from latency_bench.devices.attached import is_serial, ssh_hosts
from latency_bench.devices.device import Device
from latency_bench.devices.inventory import read_inventory
from latency_bench.harness.cli.init import (
    campaign_text,
    device_name,
    devices_text,
    name_of_this_computer,
    phone_names,
    write_all,
)


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


_NUMBERED = ["988633344747", "0x10", "12.5", "2026-11-28", "null", "on"]


@pytest.mark.parametrize("node", ["vm", "gpu", "local", *_NUMBERED])
def test_whatever_phones_and_computers_are_called_the_file_is_read_back(node, tmp_path, monkeypatch):
    serials = ["ABC-1", "abc 1", "gpu", "local", "vm", *_NUMBERED]
    here = name_of_this_computer(node)
    (tmp_path / "devices.yaml").write_text(devices_text(here, serials, ["NVIDIA H100"], ["12", "a b"]))
    monkeypatch.setenv("BENCH_DEVICES", str(tmp_path / "devices.yaml"))
    devices = read_inventory().devices
    names = phone_names(here, serials)
    assert set(devices) == {"local", here, "gpu", *names.values()}
    assert {name: devices[name].adb.serial for name in names.values()} == {name: s for s, name in names.items()}
    assert yaml.safe_load(campaign_text(here))["cases"][0]["devices"] == [here]


def test_a_file_that_cannot_take_its_name_leaves_the_other_one_as_it_was(bench, tmp_path):
    (tmp_path / "devices.yaml").write_text("devices: {}\n")
    (tmp_path / "campaign.yaml").mkdir()
    done = bench("init", "--force")
    assert (done.returncode, "campaign.yaml is a folder" in done.stderr) == (2, True)
    with pytest.raises(IsADirectoryError):
        write_all({tmp_path / "devices.yaml": "new", tmp_path / "campaign.yaml": "new"})
    assert (tmp_path / "devices.yaml").read_text() == "devices: {}\n"
    assert not list(tmp_path.glob(".*.tmp"))


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
