"""devices.yaml -> Device. This computer, `local`, is always there and needs no file.

    devices:
      local:                # the defaults of this computer may be changed
        threads: 4
      desk:
        transport: local
        runtime: onnxruntime
        python: [/opt/venv/bin/python]

The fields are those of `Device` in device.py.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.example_inventory import EXAMPLE, example_lines
from latency_bench.model_specs.located_yaml import LocatedYamlError, read_yaml

ENVIRONMENT_VARIABLE = "BENCH_DEVICES"
LOCAL = "local"


def inventory_path() -> Path | None:
    """The devices.yaml in force: BENCH_DEVICES, ./devices.yaml, or the user's own; None where there is none."""
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(named).expanduser()
    return next((path for path in (Path("devices.yaml"), user_inventory_path()) if path.exists()), None)


def user_inventory_path() -> Path:
    """Where a user's own devices.yaml lies: $XDG_CONFIG_HOME/bench/ or ~/.config/bench/; for a user without a home, in
    the folder of the call alone."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    try:
        return Path(base).expanduser() / "bench" / "devices.yaml"
    except RuntimeError:
        return Path("devices.yaml")


def list_devices() -> list[Device]:
    """Every configured device, `local` first. Raises InventoryError naming file, line and field."""
    path = inventory_path()
    devices = {LOCAL: Device(name=LOCAL)}
    if path is not None:
        for device in _read(path):
            devices[device.name] = device
    return list(devices.values())


def find_device(name: str) -> Device:
    """The device of this name. Raises InventoryError with the nearest names, or the lines to write where it is new."""
    devices = {device.name: device for device in list_devices()}
    if name in devices:
        return devices[name]
    near = difflib.get_close_matches(name, devices, n=3, cutoff=0.5)
    path = inventory_path() or user_inventory_path()
    hint = f"Did you mean {', '.join(near)}? " if near else ""
    raise InventoryError(
        f"no device is called {name!r}",
        f"{hint}Configured: {', '.join(devices)}. To add it, write it under `devices:` in {path}, for example "
        f"({EXAMPLE} has more):\n{example_lines(name)}",
    )


def _read(path: Path) -> list[Device]:
    try:
        located = read_yaml(path, "devices.yaml is one mapping with the field `devices`")
        if set(located.value) != {"devices"} or not isinstance(located.value["devices"], dict):
            raise LocatedYamlError(f"{path}:1: devices.yaml has one field, `devices`, a mapping of name to device")
        return [located.validate(Device, ("devices", name), name=name) for name in located.value["devices"]]
    except LocatedYamlError as error:
        raise InventoryError(str(error)) from None
