"""The tuning seam: one setting of a device, what it is now, how it is changed, how it is put back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.transports.base import Completed, Transport

TIMEOUT_S = 60.0


class Operation(ABC):
    """One setting. It holds a wanted value; nothing happens before `apply`."""

    name: str

    @abstractmethod
    def available(self, transport: Transport) -> str | None:
        """None if it can be changed here, else why not."""

    @abstractmethod
    def show(self, transport: Transport) -> str | None:
        """What it is now; None where that cannot be read."""

    @abstractmethod
    def apply(self, transport: Transport) -> None:
        """Change it. Raises DeviceError if it is not as wanted afterwards."""

    @abstractmethod
    def restore(self, transport: Transport) -> Sequence[str]:
        """The command that puts it back to what it is now; may save the present state on the device."""


def apply_all(transport: Transport, operations: Sequence[Operation]) -> dict[str, Any]:
    """Apply the operations in order; the session's end puts them back in reverse. Returns what was and what is.

    Raises DeviceError for the first that is not possible; those before it are put back all the same.
    """
    facts: dict[str, Any] = {}
    for operation in operations:
        if reason := operation.available(transport):
            raise DeviceError(f"{operation.name} cannot be set: {reason}")
        before = operation.show(transport)
        # First, so that whatever happens while it is being changed is put back too.
        transport.at_end(operation.restore(transport))
        operation.apply(transport)
        facts[operation.name] = {"before": before, "while_measuring": operation.show(transport)}
    return facts


def attempt(transport: Transport, argv: Sequence[str]) -> Completed | None:
    """Run a tool that a device may lack; None where it cannot be started or hangs. Raises UnreachableError."""
    try:
        return transport.run(argv, timeout_s=TIMEOUT_S)
    except UnreachableError:
        raise
    except DeviceError:
        return None


def as_root(transport: Transport, argv: Sequence[str]) -> list[str]:
    """The command with the rights that it needs. A password is never asked for and never kept."""
    completed = transport.run(["id", "-u"], timeout_s=TIMEOUT_S)
    return list(argv) if completed.stdout.strip() == "0" else ["sudo", "-n", *argv]


def run_checked(transport: Transport, argv: Sequence[str], what: str) -> str:
    """Run as root. Raises DeviceError with the tool's own words and the remedy."""
    command = as_root(transport, argv)
    completed = transport.run(command, timeout_s=TIMEOUT_S)
    said = (completed.stderr.strip() or completed.stdout.strip())[-300:]
    if completed.returncode == 0:
        return completed.stdout
    if command[0] == "sudo" and "password" in said:
        raise DeviceError(
            f"{what} needs root, and sudo there asks for a password",
            f"allow it without one (`sudo visudo`: USER ALL=(root) NOPASSWD: {argv[0]}), or log in as root",
        )
    raise DeviceError(f"{what} failed: {said or f'code {completed.returncode}'}")
