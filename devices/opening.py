"""From an inventory entry to an open session: transports, runners and probes by name, ours or a third party's."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from latency_bench.devices.device import Device, DeviceSession
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.runners.base import Runner

PARTS: dict[str, dict[str, str]] = {
    "transport": {
        "local": "latency_bench.devices.transports.local:LocalTransport",
        "adb": "latency_bench.devices.transports.adb:AdbTransport",
        "ssh": "latency_bench.devices.transports.ssh:SshTransport",
    },
    "runner": {
        "worker": "latency_bench.devices.runners.worker:WorkerRunner",
        "benchmark_model": "latency_bench.devices.runners.benchmark_model:BenchmarkModelRunner",
        "trtexec": "latency_bench.devices.runners.trtexec:TrtexecRunner",
    },
    "probe": {
        "linux": "latency_bench.devices.probes.linux:LinuxProbe",
        "android": "latency_bench.devices.probes.android:AndroidProbe",
        "jetson": "latency_bench.devices.probes.jetson:JetsonProbe",
        "nvidia": "latency_bench.devices.probes.nvidia:NvidiaProbe",
    },
}


def open_device(device: Device) -> DeviceSession:
    """Open a session. Raises InventoryError for an unknown part, UnreachableError where the device does not answer."""
    runner = _runner(device)
    probes = [_make("probe", name, device) for name in device.probes]
    # Last, because it is the only part that holds something open.
    return DeviceSession(device, _make("transport", device.transport, device), runner, probes)


def own_format(device: Device) -> str:
    """The file format that the device's own runtime loads, without asking the device. Raises InventoryError."""
    return _runner(device).artifact_format(device.runtime)


def _runner(device: Device) -> Runner:
    python = device.python or getattr(_find("transport", device.transport), "python", None)
    runner: Runner = _make("runner", device.runner, device, python=python)
    return runner


def _make(kind: str, name: str, device: Device, **arguments: Any) -> Any:
    """A part, which may have a class method `for_device(device)` to read its settings from the inventory entry."""
    part = _find(kind, name)
    for_device = getattr(part, "for_device", None)
    return part(**arguments) if for_device is None else for_device(device)


def _find(kind: str, name: str) -> Any:
    if name in PARTS[kind]:
        module, attribute = PARTS[kind][name].split(":")
        return getattr(importlib.import_module(module), attribute)
    theirs = {entry.name: entry for entry in entry_points(group=f"bench.{kind}s")}
    if name in theirs:
        return theirs[name].load()
    known = ", ".join(sorted({*PARTS[kind], *theirs}))
    raise InventoryError(f"no {kind} is called {name!r}", f"Known: {known}")
