"""The example of a devices.yaml is one, and an unknown device is answered with the lines that it needs."""

from __future__ import annotations

import pytest

from latency_bench.devices.errors import InventoryError
from latency_bench.devices.example_inventory import EXAMPLE
from latency_bench.devices.inventory import find_device, list_devices
from latency_bench.devices.parts import part_names


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("BENCH_DEVICES", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_example_is_valid_and_names_parts_that_there_are(monkeypatch):
    monkeypatch.setenv("BENCH_DEVICES", str(EXAMPLE))
    devices = {device.name: device for device in list_devices()}
    assert set(devices) == {"local", "orin", "nano", "a100", "pi", "phone"}
    for device in devices.values():
        assert device.transport in part_names("transport")
        assert device.runner in part_names("runner")
        assert set(device.probes) <= set(part_names("probe"))
    assert devices["nano"].onnx_opset == 13


@pytest.mark.parametrize("name", ["orin", "nano", "phone", "my-board"])
def test_the_lines_for_an_unknown_device_can_be_written_as_they_are(tmp_path, monkeypatch, name):
    with pytest.raises(InventoryError, match=r"devices\.yaml") as raised:
        find_device(name)
    lines = str(raised.value).split("\n", 1)[1]
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/devices.yaml").write_text(lines)
    assert find_device(name).transport == ("adb" if name == "phone" else "ssh")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("transport: ssh", r"devices\.yaml:2: .*needs `ssh`"),
        ("ssh: {}", r"devices\.yaml:3: missing field 'ssh\.host'"),
        ("ssh: {host: x, prot: 22}", r"devices\.yaml:3: unknown field 'ssh\.prot'"),
        ("ssh: {host: x, port: 99999}", r"devices\.yaml:3: field 'ssh\.port'"),
        ("ssh: {host: -oProxyCommand=id}", r"devices\.yaml:3: field 'ssh\.host'"),
        ("ssh: {host: x, user: -l}", r"devices\.yaml:3: field 'ssh\.user'"),
        ("ssh: {host: x, jump: '-x'}", r"devices\.yaml:3: field 'ssh\.jump'"),
        ("ssh: {host: x, work_directory: -rf}", r"devices\.yaml:3: field 'ssh\.work_directory'"),
        ("trtexec: {program: --help}", r"devices\.yaml:3: field 'trtexec\.program'"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(tmp_path, fields, message):
    (tmp_path / "devices.yaml").write_text(f"devices:\n  a:\n    {fields}\n")
    with pytest.raises(InventoryError, match=message):
        list_devices()
