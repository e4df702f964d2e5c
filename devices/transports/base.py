"""The transport seam: run a command on a device, bring a file there, bring a file back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.locking import Holder

MOST_PULLED_BYTES = 32 << 30
"""More than outputs or logs of anything have; without a bound a device could fill this computer's disk."""
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
    cachedir: str | None = None
    """A directory on the device that outlives sessions, for what is costly to make; None where there is none."""
    python: tuple[str, ...] = ("python3",)
    """Command that starts Python there, where devices.yaml names none."""

    locks_there: bool = False
    """Whether `lock` takes a lock on the device itself, so that other hosts that share it are shut out too."""

    load_average_tells: bool = True
    """Whether the system's load average counts what wants a core. Android's counts waiting threads of drivers as well:
    phones at rest show five and more."""

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

    def content_is(self, local: Path, sha256: str) -> None:  # noqa: B027 - only a help for those that hash
        """The SHA-256 of a file that is about to be pushed, where it is known already."""

    def remove(self, remotes: Sequence[str]) -> None:  # noqa: B027 - a device that reads this host's files has no copies
        """Free the room of files that were pushed and are needed no more, such as images of which there are thousands:
        else a device keeps what it was brought for the next time."""

    @abstractmethod
    def pull(self, remote: str, local: Path, most_bytes: int = MOST_PULLED_BYTES) -> None:
        """Copy a file from the device. Raises DeviceError where it is not there, is not a file, or is larger."""

    @abstractmethod
    def read_text(self, path: str) -> str | None:
        """A small text file of the device (sysfs, procfs), None where it does not exist or cannot be read."""

    @abstractmethod
    def glob(self, pattern: str) -> list[str]:
        """Paths on the device that match a shell pattern, sorted."""

    def clock_offset_ns(self) -> int:
        """The device's clock (Unix time) less this host's. Raises DeviceError where it cannot be told."""
        raise DeviceError(f"the clock of a device over {self.name} cannot be compared")

    def at_end(self, argv: Sequence[str]) -> None:
        """Run `argv` on the device when this session ends, even if this host is killed or the link lost before.

        The last that was registered comes first. It puts back what the session changes, so register before changing.
        Raises DeviceError where a transport cannot promise that.
        """
        raise DeviceError(f"transport {self.name} cannot put settings back if this host dies", "set them by hand")

    def lock(self, holder: Holder) -> None:  # noqa: B027 - a transport without a lock there is locked here alone
        """Have the device for this session alone until `close`, after whose last words it is free again.

        Raises DeviceBusyError where another measurement has it, DeviceError where it cannot be locked.
        """

    def check_lock(self) -> None:  # noqa: B027 - as above
        """Raises DeviceError where the lock was lost meanwhile, for instance because another host decided that our
        lease had expired."""

    @abstractmethod
    def close(self) -> None:
        """Remove `workdir` and let go of the link."""


def refuse_larger(remote: str, size_bytes: int, most_bytes: int) -> None:
    """Raises DeviceError for a file that is larger than what was to come."""
    if size_bytes > most_bytes:
        raise DeviceError(
            f"{remote} on the device has {size_bytes} bytes, and {most_bytes} are the most that were to come",
            "measure again; if it happens again, what wrote it is broken",
        )
