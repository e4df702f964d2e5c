"""Parts of a device by name: what the folders hold, what packages bring, what is refused."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from latency_bench.devices import parts
from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.opening import open_device
from latency_bench.devices.parts import BASES, find_part, installed_part, part_names

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
        ("PiProbe = dict", "is not a Probe"),
        ("", "cannot be loaded: AttributeError"),
    ],
)
def test_a_package_that_is_broken_is_named(install_package, source, complaint):
    install_package("lab_pi", source, {"bench.probes": "pi = lab_pi:PiProbe"})
    with pytest.raises(InventoryError, match=complaint):
        find_part("probe", "pi")


def test_what_a_record_names_costs_no_search_each_time(install_package, monkeypatch):
    """A store has many records, and a probe that is broken or not installed is in many of them."""
    install_package("lab_pi", "raise RuntimeError('no licence')", {"bench.probes": "pi = lab_pi:PiProbe"})
    searched = []
    monkeypatch.setattr(parts, "entry_points", lambda **which: searched.append(which) or entry_points(**which))
    for _ in range(50):
        assert installed_part("probe", "pi") is None
        assert installed_part("probe", "nobody's") is None
        assert installed_part("probe", "linux") is not None
    assert len(searched) == 1
    with pytest.raises(InventoryError, match="no licence"):
        find_part("probe", "pi")
