"""The transport seam: run a command on a device, bring a file there, bring a file back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LineHandler = Callable[[str], None]


@dataclass(frozen=True)
class Completed:
    """A command that ended. `returncode` is negative for the signal that ended it, as in `subprocess`."""

    returncode: int
    stdout: str
    stderr: str


class Transport(ABC):
    """A way to one device. Arguments are lists of words: no transport may hand them to a shell unquoted."""

    name: str
    workdir: str
    """A directory on the device that belongs to this session alone and is removed by `close`."""

    @abstractmethod
    def run(
        self,
        argv: Sequence[str],
        *,
        on_stdout: LineHandler | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        idle_timeout_s: float | None = None,
    ) -> Completed:
        """Run `argv` in `workdir` and wait for its end. Nothing of it survives this call, however the call ends.

        `on_stdout` sees every line as it arrives; stdout is then not collected. Raises UnreachableError when the link
        is gone, DeviceError when the command outlives `timeout_s` or stays silent for longer than `idle_timeout_s`.
        """

    @abstractmethod
    def push(self, local: Path, name: str) -> str:
        """Make `local` readable on the device; returns its path there. The same content is not carried twice."""

    @abstractmethod
    def pull(self, remote: str, local: Path) -> None:
        """Copy a file from the device."""

    @abstractmethod
    def read_text(self, path: str) -> str | None:
        """A small text file of the device (sysfs, procfs), None where it does not exist or cannot be read."""

    @abstractmethod
    def glob(self, pattern: str) -> list[str]:
        """Paths on the device that match a shell pattern, sorted."""

    @abstractmethod
    def close(self) -> None:
        """Remove `workdir` and let go of the link."""
