"""Settings that probes declare: written in devices.yaml or asked for, applied by the probe, put back at the end."""

from __future__ import annotations

import pytest

from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.inventory import find_device
from latency_bench.devices.opening import open_device
from latency_bench.devices.probes.jetson import JetsonProbe
from latency_bench.devices.probes.linux import LinuxProbe
from latency_bench.devices.probes.nvidia import NvidiaProbe
from latency_bench.devices.settings import settings_by_probe
from latency_bench.devices.tuning.jetson import LockedClocks, PowerMode
from latency_bench.devices.tuning.setting import Setting

FAN = """
    from pathlib import Path

    from latency_bench.devices.checks import Check
    from latency_bench.devices.probes.base import Probe
    from latency_bench.devices.tuning.base import Operation
    from latency_bench.devices.tuning.setting import Setting

    class Fan(Operation):
        name = "fan"

        def __init__(self, level):
            self.level = level

        def available(self, transport):
            return None

        def show(self, transport):
            return transport.read_text("FILE").strip()

        def apply(self, transport):
            transport.run(["sh", "-c", 'echo "$0" > "$1"', str(self.level), "FILE"])

        def restore(self, transport):
            return ["sh", "-c", 'echo "$0" > "$1"', self.show(transport), "FILE"]

    class PiProbe(Probe):
        name = "pi"
        settings = (Setting("fan", "number", "Level of the fan."),)

        def fingerprint(self, transport):
            return {"fan": transport.read_text("FILE").strip()}

        def read(self, transport):
            return []

        def tuning(self, settings):
            return [Fan(settings["fan"])] if "fan" in settings else []

        def checks(self, transport, settings):
            yield Check("fan", "ok", f"runs set {settings['fan']}" if "fan" in settings else "as it is")
"""


@pytest.fixture
def fan(install_package, tmp_path):
    file = tmp_path / "fan"
    file.write_text("1")
    install_package("lab_pi", FAN.replace("FILE", str(file)), {"bench.probes": "pi = lab_pi:PiProbe"})
    return file


def test_a_third_partys_setting_is_a_field_of_devices_yaml(fan, tmp_path, monkeypatch):
    (tmp_path / "devices.yaml").write_text("devices:\n  board:\n    probes: [linux, pi]\n    fan: 3\n")
    monkeypatch.setenv("BENCH_DEVICES", str(tmp_path / "devices.yaml"))
    device = find_device("board")
    with open_device(device) as session:
        assert "runs set 3" in {check.name: check.found for check in session.checks()}["fan"]
        session.tune()
        fingerprint = session.fingerprint()
        assert fingerprint["pi"] == {"fan": "3"}
        assert fingerprint["tuned"] == {"fan": {"before": "1", "while_measuring": "3"}}
    assert fan.read_text().strip() == "1", "it is put back"


def test_a_setting_of_a_probe_that_the_device_lacks_is_an_unknown_field(fan, tmp_path, monkeypatch):
    (tmp_path / "devices.yaml").write_text("devices:\n  board:\n    probes: [linux]\n    fan: 3\n")
    monkeypatch.setenv("BENCH_DEVICES", str(tmp_path / "devices.yaml"))
    with pytest.raises(InventoryError, match=r"devices\.yaml:4: .*fan"):
        find_device("board")


def test_fields_of_the_entry_survive_being_written_and_read_again():
    device = Device(name="orin", probes=("linux", "jetson"), power_mode="MAXN", lock_clocks=True)
    assert device.settings == {"power_mode": "MAXN", "lock_clocks": True}
    assert Device.model_validate(device.model_dump(mode="json")) == device


def test_a_jetson_sets_its_mode_before_it_locks_the_clocks():
    kinds = [type(one) for one in JetsonProbe().tuning({"lock_clocks": True, "power_mode": "MAXN"})]
    assert kinds == [PowerMode, LockedClocks]
    assert JetsonProbe().tuning({}) == []


def test_a_setting_goes_to_the_first_probe_that_has_it():
    probes = [LinuxProbe(), NvidiaProbe(), JetsonProbe()]
    shares = settings_by_probe("orin", {"lock_clocks": "yes", "power_mode": "MAXN"}, probes)
    assert shares == {"linux": {}, "nvidia": {"lock_clocks": True}, "jetson": {"power_mode": "MAXN"}}
    assert settings_by_probe("orin", {"lock_clocks": False}, probes)["nvidia"] == {}


@pytest.mark.parametrize(
    ("asked", "message", "remedy"),
    [
        (
            {"fan": 3},
            "none of the probes of the device 'orin' has a setting called 'fan'",
            "its probes have lock_clocks, power_mode",
        ),
        ({"power_mode": "a\nb"}, r"power_mode of device 'orin': 'a\\nb' is not a valid name", "nvpmodel"),
        ({"lock_clocks": 3}, "'3' is neither true nor false", "jetson_clocks"),
    ],
)
def test_what_no_probe_takes_is_refused(asked, message, remedy):
    with pytest.raises(InventoryError, match=message) as raised:
        settings_by_probe("orin", asked, [JetsonProbe()])
    assert remedy in raised.value.remedy


def test_a_missing_probe_is_named():
    with pytest.raises(InventoryError) as raised:
        settings_by_probe("desk", {"lock_clocks": True}, [LinuxProbe()])
    assert "add `jetson` or `nvidia` to its `probes`" in raised.value.remedy


@pytest.mark.parametrize("value", [True, "x", None, [1]])
def test_a_number_is_a_number(value):
    with pytest.raises(ValueError, match="is not a number"):
        Setting("fan", "number", "").read(value)
