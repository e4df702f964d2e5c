"""devices.yaml -> Device. This computer, `local`, is always there and needs no file.

    devices:
      local:                # the defaults of this computer may be changed
        threads: 4
      desk:
        transport: local
        runtime: onnxruntime
        python: [/opt/venv/bin/python]

The fields are those of `Device` in device.py. Relative paths of files are those from the folder of devices.yaml.
"""

from __future__ import annotations

import difflib
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.example_inventory import EXAMPLE, example_lines
from latency_bench.devices.inventory_paths import with_files_beside
from latency_bench.devices.inventory_trust import fields_to_trust, is_trusted, trust
from latency_bench.model_specs.located_yaml import LocatedYamlError, parse_yaml

ENVIRONMENT_VARIABLE = "BENCH_DEVICES"
CURRENT_FOLDER = Path("devices.yaml")
LOCAL = "local"


class InventoryNotice(UserWarning):
    """Which devices.yaml is used, where the user did not name it; shown in one line."""


@dataclass(frozen=True)
class Inventory:
    """What a devices.yaml says."""

    path: Path | None
    """None: there is no file."""
    devices: dict[str, Device]
    """Those that may be used, by name, `local` first."""
    content: bytes = b""
    """Of the file: what was read is what is judged, shown, trusted and used."""
    untrusted: dict[str, dict[str, object]] = field(default_factory=dict)
    """Those that may not until the user trusts the file: of each the fields that decide what is run or reached."""


def inventory_path() -> Path | None:
    """The devices.yaml in force: BENCH_DEVICES, ./devices.yaml, or the user's own; None where there is none."""
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(named).expanduser()
    return next((path for path in (CURRENT_FOLDER, user_inventory_path()) if path.exists()), None)


def user_inventory_path() -> Path:
    """Where a user's own devices.yaml lies: $XDG_CONFIG_HOME/bench/ or ~/.config/bench/; for a user without a home, in
    the folder of the call alone."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    try:
        return Path(base).expanduser() / "bench" / "devices.yaml"
    except RuntimeError:
        return CURRENT_FOLDER


def read_inventory() -> Inventory:
    """Every configured device. Raises InventoryError naming file, line and field."""
    path = inventory_path()
    local = Device(name=LOCAL)
    if path is None:
        return Inventory(None, {LOCAL: local})
    content = _content(path)
    entries = {device.name: device for device in _entries(path, content)}
    unclear = {name: fields for name, device in entries.items() if (fields := fields_to_trust(device))}
    if not is_of_current_folder(path) or is_trusted(path, content, user_inventory_path().parent):
        unclear = {}
    devices = {
        name: with_files_beside(device, path.parent)
        for name, device in {LOCAL: local, **entries}.items()
        if name not in unclear
    }
    return Inventory(path, devices, content, unclear)


def list_devices() -> list[Device]:
    """Every configured device that may be used, `local` first. Raises InventoryError naming file, line and field."""
    return list(read_inventory().devices.values())


def find_device(name: str) -> Device:
    """The device of this name. Raises InventoryError with the nearest names, or the lines to write where it is new;
    and where the file of the current folder has to be trusted first."""
    inventory = read_inventory()
    path, devices = inventory.path, inventory.devices
    if name in inventory.untrusted:
        raise InventoryError(
            f"{path} of the current folder says for device {name} what is run or reached "
            f"({', '.join(inventory.untrusted[name])}), and it may be somebody else's",
            f"read it, then `bench devices trust`; where nobody can be asked, name it: {ENVIRONMENT_VARIABLE}={path}",
        )
    if name in devices:
        if path is not None and is_of_current_folder(path):
            warnings.warn(f"devices as {path} of the current folder has them", InventoryNotice, stacklevel=2)
        return devices[name]
    near = difflib.get_close_matches(name, devices, n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(near)}? " if near else ""
    raise InventoryError(
        f"there is no device called {name!r}",
        f"{hint}Configured: {', '.join(devices)}. To add it, write it under `devices:` in "
        f"{path or user_inventory_path()}, for example ({EXAMPLE} has more):\n{example_lines(name)}",
    )


def is_of_current_folder(path: Path) -> bool:
    """Whether a devices.yaml is in force only because `bench` was called beside it."""
    return path == CURRENT_FOLDER and not os.environ.get(ENVIRONMENT_VARIABLE)


def trust_inventory(inventory: Inventory) -> None:
    """Trust the devices.yaml of the current folder as it was read. Raises InventoryError."""
    assert inventory.path is not None
    trust(inventory.path, inventory.content, user_inventory_path().parent)


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise InventoryError(f"{path}: is not an ordinary file")  # a pipe would be waited for
    try:
        return path.read_bytes()
    except OSError as error:
        raise InventoryError(f"{path}: cannot be read: {error.strerror}") from None


def _entries(path: Path, content: bytes) -> list[Device]:
    try:
        located = parse_yaml(_decoded(path, content), str(path), "devices.yaml is one mapping with the field `devices`")
        if set(located.value) != {"devices"} or not isinstance(located.value["devices"], dict):
            raise LocatedYamlError(f"{path}:1: devices.yaml has one field, `devices`, a mapping of name to device")
        return [located.validate(Device, ("devices", name), name=name) for name in located.value["devices"]]
    except LocatedYamlError as error:
        raise InventoryError(str(error)) from None


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LocatedYamlError(f"{path}: cannot be read: {error}") from None
