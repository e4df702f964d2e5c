"""Quantities are declared once: what probes write, what docs/store.md lists, what is drawn."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from latency_bench.devices.device import Device
from latency_bench.devices.opening import open_device
from latency_bench.devices.probes.readings import QUANTITIES
from latency_bench.reports.plots import timeline

ROOT = Path(__file__).parents[3]
PROBES = sorted((ROOT / "devices" / "probes").glob("*.py"))
UNITS = {quantity.name: quantity.unit for quantity in QUANTITIES}


def test_the_page_lists_every_quantity_with_its_unit_and_meaning():
    page = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    section = page[page.index("## Telemetry") : page.index("## Index")]
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", section, re.M)
    assert rows == [(quantity.name, quantity.unit, quantity.meaning) for quantity in QUANTITIES]


def test_no_two_quantities_share_a_name():
    assert len(UNITS) == len(QUANTITIES)


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_a_probe_makes_readings_of_declared_quantities_alone(path):
    """No name of a quantity and no unit is written a second time."""
    made = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Reading", "Quantity")
    ]
    assert not made or path.stem == "readings"


def test_what_this_computer_says_is_declared():
    with open_device(Device(name="here")) as session:
        readings = session.read()
    assert readings
    assert {(reading.quantity, reading.unit) for reading in readings} <= set(UNITS.items())


def test_what_is_drawn_is_declared():
    assert set(timeline._PANELS) <= set(UNITS)
