"""From an inventory entry to an open session: transports, runners and probes by name, ours or a third party's."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from devices.device import Device, DeviceSession
from devices.errors import InventoryError

PARTS: dict[str, dict[str, str]] = {
    "transport": {"local": "devices.transports.local:LocalTransport"},
    "runner": {"worker": "devices.runners.worker:WorkerRunner"},
    "probe": {"linux": "devices.probes.linux:LinuxProbe"},
}


def open_device(device: Device) -> DeviceSession:
    """Open a session. Raises InventoryError for an unknown part, UnreachableError where the device does not answer."""
    runner = _find("runner", device.runner)(python=device.python)
    probes = [_find("probe", name)() for name in device.probes]
    # Last, because it is the only part that holds something open.
    return DeviceSession(device, _find("transport", device.transport)(), runner, probes)


def _find(kind: str, name: str) -> Any:
    if name in PARTS[kind]:
        module, attribute = PARTS[kind][name].split(":")
        return getattr(importlib.import_module(module), attribute)
    theirs = {entry.name: entry for entry in entry_points(group=f"bench.{kind}s")}
    if name in theirs:
        return theirs[name].load()
    known = ", ".join(sorted({*PARTS[kind], *theirs}))
    raise InventoryError(f"no {kind} is called {name!r}", f"Known: {known}")
