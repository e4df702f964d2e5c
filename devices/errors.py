"""What can go wrong with a device, named for what the user can do about it. Every message comes with its remedy."""

from __future__ import annotations


class DeviceError(Exception):
    """Base. `message` says what happened and where, `remedy` what to do next, `kind` is one word for programs."""

    kind = "device"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}{_between(remedy)}{remedy}")
        self.message = message
        self.remedy = remedy


def _between(remedy: str) -> str:
    """A remedy that begins as a sentence is one; many go on with the message, or begin with a command to type."""
    return "" if not remedy else ". " if remedy[0].isupper() else "; "


class InventoryError(DeviceError):
    """devices.yaml is wrong, or names no such device: the request has to change."""

    kind = "inventory"


class UnreachableError(DeviceError):
    """The device did not answer, or went away."""

    kind = "unreachable"


class WorkerError(DeviceError):
    """The measuring process on the device reported an error or died; `kind` is the worker's own word for it."""

    def __init__(self, kind: str, message: str, remedy: str = "", log: str = "") -> None:
        super().__init__(message, remedy)
        self.kind = kind
        self.log = log
        """What the process printed, for the record's evidence."""
