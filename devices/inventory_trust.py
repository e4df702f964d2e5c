"""Which devices.yaml of a current folder the user trusts to name what is run and what is reached.

A file that merely lies where `bench` is called may have come with somebody else's checkout. What decides where and what
is executed is taken from it only after `bench devices trust`, for this content at this place.

<folder of the user's own devices.yaml>/trusted-devices     a line for each file: SHA-256 of its content, and its place
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from latency_bench.devices.device import INERT, Device
from latency_bench.devices.errors import InventoryError

TRUSTED_FILE = "trusted-devices"


def fields_to_trust(device: Device) -> dict[str, object]:
    """What an entry says that may decide what is executed, and where, as it is written there: everything but what is
    declared to be inert."""
    written = device.model_dump(mode="json", exclude_unset=True)
    told = {name: getattr(device, name) for name in sorted(device.model_fields_set)}
    declared = type(device).model_fields
    usual = {name: declared[name].get_default(call_default_factory=True) for name in told}
    return {
        name: written[name]
        for name, value in told.items()
        if declared[name].json_schema_extra != INERT and value != usual[name]
    }


def is_trusted(path: Path, content: bytes, folder: Path) -> bool:
    """Whether this content was trusted at this place. `folder`: of the user's own devices.yaml."""
    try:
        return _line(path, content) in (folder / TRUSTED_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False


def trust(path: Path, content: bytes, folder: Path) -> None:
    """Note that this content is trusted at this place. Raises InventoryError."""
    if is_trusted(path, content, folder):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / TRUSTED_FILE).open("a", encoding="utf-8") as file:
            file.write(f"{_line(path, content)}\n")
    except OSError as error:
        raise InventoryError(
            f"{folder / TRUSTED_FILE} cannot be written: {error.strerror}", "name the file with BENCH_DEVICES instead"
        ) from error


def _line(path: Path, content: bytes) -> str:
    # In ASCII, because a folder's name may hold a line break.
    return f"{hashlib.sha256(content).hexdigest()}  {str(path.resolve())!a}"
