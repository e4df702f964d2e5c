"""From an inventory entry to an open session: transport, runner and probes, made for the device."""

from __future__ import annotations

from typing import Any

from bench_worker.runtime.declaration import RuntimeDeclaration
from latency_bench.devices.device import Device
from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.parts import Kind, find_part
from latency_bench.devices.runners.base import Runner


def open_device(device: Device) -> DeviceSession:
    """Open a session. Raises InventoryError for an unknown part, UnreachableError where the device does not answer."""
    runner = _runner(device)
    probes = [_make("probe", name, device) for name in device.probes]
    # Last, because it is the only part that holds something open.
    return DeviceSession(device, _make("transport", device.transport, device), runner, probes)


def declared_runtime(device: Device, name: str) -> type[RuntimeDeclaration]:
    """What a runtime of the device's runner declares, without asking the device. Raises InventoryError."""
    return runner_class(device.runner).runtime(name)


def runner_class(name: str) -> type[Runner]:
    """Raises InventoryError for an unknown runner."""
    runner: type[Runner] = find_part("runner", name)
    return runner


def python_of(device: Device) -> tuple[str, ...] | None:
    """The command that starts Python there: the device's own, else what its transport says; None for this process's."""
    return device.python or getattr(find_part("transport", device.transport), "python", None)


def _runner(device: Device) -> Runner:
    runner: Runner = _make("runner", device.runner, device, python=python_of(device))
    return runner


def _make(kind: Kind, name: str, device: Device, **arguments: Any) -> Any:
    """A part, which may have a class method `for_device(device)` to read its settings from the inventory entry."""
    part = find_part(kind, name)
    for_device = getattr(part, "for_device", None)
    return part(**arguments) if for_device is None else for_device(device)
