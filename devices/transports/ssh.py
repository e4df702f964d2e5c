"""A device over SSH, by the OpenSSH client."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.devices.errors import DeviceError, InventoryError
from latency_bench.devices.locking import LOCKS_FOLDER, DeviceBusyError, Holder, lock_lost, lock_unusable
from latency_bench.devices.numerals import count
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import MOST_PULLED_BYTES, Completed, LineHandler, Transport
from latency_bench.devices.transports.ssh_client import remote_command
from latency_bench.devices.transports.ssh_command import run_command
from latency_bench.devices.transports.ssh_files import pull_file, push_file, push_folder
from latency_bench.devices.transports.ssh_link import SshLink
from latency_bench.devices.transports.ssh_options import SshOptions

if TYPE_CHECKING:
    from latency_bench.devices.device import Device

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_UNPACK_S = 120.0
_AT_ONCE = 200
_REMOVE = 'for link; do rm -f -- "$(readlink -f -- "$link")" "$link"; done'
"""What was pushed is a link to the device's store."""


class SshTransport(Transport):
    """Every command and file goes over one connection; what runs on the device ends with it, however it ends.

    Raises UnreachableError where the device does not answer, shows another host key or refuses our key.
    """

    name = "ssh"
    python = ("python3",)
    locks_there = True

    def __init__(self, options: SshOptions) -> None:
        self._link = SshLink(options)
        self._known_sha256: dict[tuple[str, int, int], str] = {}
        self.workdir = self._link.workdir
        # Beside the models that were pushed: kept from session to session, by content.
        self.cachedir = str(Path(self.workdir).parent / "store")

    @classmethod
    def for_device(cls, device: Device) -> SshTransport:
        if device.ssh is None:
            raise InventoryError(f"device {device.name} has no `ssh`", "give at least `ssh: {host: NAME}`")
        return cls(device.ssh)

    def run(
        self,
        argv: Sequence[str],
        *,
        on_stdout: LineHandler | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        idle_timeout_s: float | None = None,
    ) -> Completed:
        words = [*(f"{name}={value}" for name, value in (env or {}).items())]
        command = ["env", *words, *argv] if words else list(argv)
        return run_command(self._link, command, on_stdout, timeout_s, idle_timeout_s)

    def push(self, local: Path, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise DeviceError(f"{name!r} cannot be the name of a file on a device")
        if not local.is_dir():
            push_file(self._link, local, name, self._known_sha256.get(_identity(local)))
            return f"{self.workdir}/{name}"
        with TemporaryFolder("push") as folder:
            archive = push_folder(self._link, local, name, folder)
        unpacked = self.run(["tar", "-xf", archive], timeout_s=_UNPACK_S)
        if unpacked.returncode != 0:
            raise DeviceError(
                f"{name} cannot be unpacked in {self.workdir}: {unpacked.stderr.strip()[-300:]}", "is the disk full?"
            )
        return f"{self.workdir}/{name}"

    def remove(self, remotes: Sequence[str]) -> None:
        for start in range(0, len(remotes), _AT_ONCE):
            self.run(["sh", "-c", _REMOVE, "sh", *remotes[start : start + _AT_ONCE]], timeout_s=_UNPACK_S)

    def content_is(self, local: Path, sha256: str) -> None:
        self._known_sha256[_identity(local)] = sha256

    def pull(self, remote: str, local: Path, most_bytes: int = MOST_PULLED_BYTES) -> None:
        pull_file(self._link, remote, local, most_bytes)

    def read_text(self, path: str) -> str | None:
        word, text = self._link.ask("text", path)
        return text if word == "0" else None

    def glob(self, pattern: str) -> list[str]:
        return sorted(self._link.ask("glob", pattern)[1].splitlines())

    def clock_offset_ns(self) -> int:
        best: tuple[int, int] | None = None
        for _ in range(5):
            before_ns = time.time_ns()
            said = self._link.ask("now")[1].strip()
            after_ns = time.time_ns()
            now_ns = count(said)
            if now_ns is None:
                raise DeviceError("`date` on the device does not print nanoseconds", "install coreutils there")
            sample = (after_ns - before_ns, now_ns - (before_ns + after_ns) // 2)
            best = sample if best is None else min(best, sample)
        assert best is not None
        return best[1]

    def at_end(self, argv: Sequence[str]) -> None:
        self._link.ask("farewell", remote_command(argv))

    def lock(self, holder: Holder) -> None:
        # The agent holds it: it ends after everything else of this session, and whatever becomes of this host.
        word, said = self._link.ask("lock", LOCKS_FOLDER, holder.line())
        if word == "busy":
            raise DeviceBusyError(self._link.options.host, Holder.parse(said))
        if word != "held":
            raise lock_unusable(self._link.options.host)

    def check_lock(self) -> None:
        if self._link.ask("locked")[0] != "held":
            raise lock_lost(self._link.options.host)

    def close(self) -> None:
        self._link.close()


def _identity(local: Path) -> tuple[str, int, int]:
    """A file that was changed since is another one."""
    found = local.stat()
    return str(local.absolute()), found.st_size, found.st_mtime_ns
