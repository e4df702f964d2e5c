"""Parts of a device by name: what the folders hold, what packages bring, what is refused."""

from __future__ import annotations

import pytest

from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.opening import open_device
from latency_bench.devices.parts import BASES, find_part, part_names

PROBE = """
    from latency_bench.devices.probes.base import Probe, Reading

    class PiProbe(Probe):
        name = "pi"

        def fingerprint(self, transport):
            return {"model": "Raspberry Pi 5"}

        def read(self, transport):
            return [Reading("pi", "temperature", 50.0, "C")]
"""


@pytest.mark.parametrize("kind", BASES)
def test_a_file_of_the_folder_is_found_by_its_name(kind):
    names = part_names(kind)
    assert names
    assert all(find_part(kind, name).name == name for name in names)


def test_a_file_that_holds_no_part_is_none():
    with pytest.raises(InventoryError, match="no probe is called 'jetson_rails'"):
        find_part("probe", "jetson_rails")


@pytest.mark.parametrize("name", ["base", "../checks", "os", "linux.py", "", "latency_bench.devices.probes.linux"])
def test_a_name_is_never_imported_as_it_is(name):
    with pytest.raises(InventoryError, match=r"Known: .*linux"):
        find_part("probe", name)


def test_a_probe_of_an_installed_package_is_one_of_the_device(install_package):
    install_package("lab_pi", PROBE, {"bench.probes": "pi = lab_pi:PiProbe"})
    assert "pi" in part_names("probe")
    with open_device(Device(name="desk", probes=("linux", "pi"))) as session:
        assert session.fingerprint()["pi"] == {"model": "Raspberry Pi 5"}
        assert any(reading.source == "pi" for reading in session.read())


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence"),
        ("PiProbe = dict", "is no Probe"),
        ("", "cannot be loaded: AttributeError"),
    ],
)
def test_a_package_that_is_broken_is_named(install_package, source, complaint):
    install_package("lab_pi", source, {"bench.probes": "pi = lab_pi:PiProbe"})
    with pytest.raises(InventoryError, match=complaint):
        find_part("probe", "pi")
