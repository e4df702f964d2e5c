"""The seam between the ADB transport and its two backends: start a shell command, push, pull."""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod
from pathlib import Path

from latency_bench.devices.errors import UnreachableError

STDOUT = "stdout"
STDERR = "stderr"

_DEEPEST_QUEUE = 4096
"""Chunks that wait for us at most; then the device waits, and our memory does not fill."""


class AdbStream(ABC):
    """A shell command under way on the device. Chunks of its output come through a queue, filled by other threads."""

    def __init__(self) -> None:
        self.chunks: queue.Queue[tuple[str, bytes] | Exception | None] = queue.Queue(_DEEPEST_QUEUE)
        """(STDOUT or STDERR, bytes); an exception when the link broke; None at the end."""

    @abstractmethod
    def stop(self) -> None:
        """End the command's standard input and let go of the stream. What holds the command up on the device sees the
        end of its input and kills it (adb_script.py). Never blocks for long, may be called twice."""


class AdbLink(ABC):
    """A way to one Android device. Every method raises UnreachableError where the device is gone."""

    description: str
    """How to tell the device from others: a serial or an address."""
    facts: dict[str, str]
    """What carries the link: backend and its version."""
    parallel: bool = True
    """Whether several commands can run at once."""

    @abstractmethod
    def start(self, script: str) -> AdbStream:
        """Start `script` in the device's shell, its standard input open until `stop`."""

    @abstractmethod
    def push(self, local: Path, remote: str) -> None:
        """Copy a file. Raises DeviceError with the device's words where it refuses, e.g. because it is full."""

    @abstractmethod
    def pull(self, remote: str, local: Path) -> None:
        """Copy a file from the device."""

    def close(self) -> None:  # noqa: B027  (nothing to let go of is common)
        """Let go of the link."""


def gone(description: str, why: str) -> UnreachableError:
    """The error for a device that was there and is not any more."""
    return UnreachableError(
        f"the device {description} went away: {why}",
        "check cable or network and that USB debugging is still on (`adb devices`), then run again",
    )


def unauthorised(description: str) -> UnreachableError:
    """The error for a device that does not trust this computer."""
    return UnreachableError(
        f"the device {description} does not trust this computer yet (unauthorized)",
        'unlock it and accept the dialog "Allow USB debugging?" on the phone, then run again',
    )
