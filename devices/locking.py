"""One measurement at a time on a device: who holds it, and the locks that lie on this computer.

A lock is the kernel's (`flock`): it ends with the process that holds it, however that ends. The file it is taken on
lies where the device runs, in BENCH_LOCKS or /tmp/bench-locks, for all users of the machine. Two kinds of file:

    device-<name>.lock   the device of that name; whoever drives a device from this computer holds it
    machine.lock         the machine itself: shared by its own devices, held alone by a host that measures it from afar
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import getpass
import json
import os
import re
import socket
import stat
import time
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from latency_bench.devices.errors import DeviceError

LOCKS_VARIABLE = "BENCH_LOCKS"
"""Environment variable, of the machine where the device runs, that names another folder for its locks."""
LOCKS_FOLDER = "/tmp/bench-locks"
MACHINE_FILE = "machine.lock"

HOLDER_BYTES = 1024
_WHAT_LENGTH = 300
_ATTEMPTS = 4
_PAUSE_S = 0.02
"""Checking whether a device is in use takes its lock for microseconds; that must not be mistaken for a measurement."""


class Holder(BaseModel):
    """Who measures, as others are told. What is read from a lock file was written by anybody: it is only shown."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str = Field(max_length=253)
    pid: int = Field(ge=0, lt=2**31)
    user: str = Field(max_length=100)
    since: datetime
    what: str = Field(max_length=_WHAT_LENGTH)
    """Its command line, cut short."""

    @classmethod
    def here(cls, what: str) -> Holder:
        """This process."""
        return cls(
            host=socket.gethostname()[:253],
            pid=os.getpid(),
            user=_user(),
            since=datetime.now(timezone.utc).replace(microsecond=0),
            what=what[:_WHAT_LENGTH],
        )

    @classmethod
    def parse(cls, text: str) -> Holder | None:
        """From a lock file's first line; None where nobody wrote one."""
        try:
            return cls.model_validate_json(text.split("\n", 1)[0].strip())
        except ValidationError:
            return None

    def line(self) -> str:
        """One line of ASCII for a lock file."""
        fields = self.model_dump(mode="json")
        while len(text := json.dumps(fields)) >= HOLDER_BYTES:
            fields["what"] = fields["what"][: len(fields["what"]) // 2]
            fields["user"] = fields["user"][:20]
        return text

    def words(self) -> str:
        """For people: who, where, since when, with what."""
        text = f"{self.user}@{self.host}, process {self.pid}, since {self.since:%Y-%m-%d %H:%M:%S} UTC: {self.what}"
        return re.sub(r"[^\x20-\x7e]", "?", text)


class DeviceBusyError(DeviceError):
    """Another measurement has the device."""

    kind = "busy"

    def __init__(self, device: str, holder: Holder | None) -> None:
        who = holder.words() if holder is not None else "somebody who did not say who"
        super().__init__(f"{device} is measured by {who}", "wait for it to end (`--wait`), or choose another device")
        self.holder = holder


def lock_unusable(device: str) -> DeviceError:
    """The error for a device on which no lock can be made."""
    return DeviceError(
        f"the lock of {device} cannot be made there",
        f"let all its users write to {LOCKS_FOLDER} on the device, or set {LOCKS_VARIABLE} there",
    )


def lock_lost(device: str) -> DeviceError:
    """The error for a lock that somebody else has by now."""
    return DeviceError(f"the lock of {device} was lost: this host was silent for too long", "measure again")


class FileLock:
    """A lock on a file of this computer, held from construction to `release` or to the end of the process."""

    def __init__(self, path: Path, device: str, holder: Holder, shared: bool) -> None:
        """Raises DeviceBusyError where it is taken, DeviceError where the file cannot be used."""
        self.path = path
        try:
            self._descriptor = _open(path)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            if not _take(self._descriptor, shared):
                raise DeviceBusyError(device, Holder.parse(_content(self._descriptor)))
            text = holder.line().ljust(HOLDER_BYTES - 1) + "\n"
            os.pwrite(self._descriptor, text.encode("ascii"), 0)
        except OSError as error:
            self.release()
            raise _unusable(path, error) from error
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def lock_device_here(name: str, holder: Holder, shared: bool) -> FileLock:
    """The lock of the device `name` on this computer.

    `shared`: its real lock lies on the device itself, and this one only tells others that somebody measures.
    """
    return FileLock(locks_folder() / f"device-{name}.lock", name, holder, shared)


def lock_machine_here(holder: Holder) -> FileLock:
    """This computer's own lock, shared among its devices: a host that measures it from afar is shut out."""
    return FileLock(locks_folder() / MACHINE_FILE, "this computer", holder, shared=True)


def others_measuring(own: str) -> list[Holder]:
    """Who else measures from this computer right now, on any device but `own`."""
    found = []
    for path in sorted(locks_folder().glob("device-*.lock")):
        if path.name == f"device-{own}.lock":
            continue
        with contextlib.suppress(OSError):
            descriptor = _open(path)
            try:
                if not _take(descriptor, shared=False, attempts=1):
                    unknown = Holder(host="?", pid=0, user="?", since=datetime.now(timezone.utc), what=path.stem)
                    found.append(Holder.parse(_content(descriptor)) or unknown)
            finally:
                os.close(descriptor)
    return found


def locks_folder() -> Path:
    """Where the locks of this computer lie; made for all users where it is not there. Raises DeviceError."""
    folder = Path(os.environ.get(LOCKS_VARIABLE) or LOCKS_FOLDER)
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return folder
    except OSError as error:
        raise _unusable(folder, error) from error
    with contextlib.suppress(OSError):
        folder.chmod(0o1777)
    return folder


def _open(path: Path) -> int:
    """Others own most of these files: never follow a link, and never create over what is there (which the kernel
    refuses in a folder like /tmp). Raises OSError."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            try:
                descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
            except FileExistsError:
                continue
            os.fchmod(descriptor, 0o666)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        break
    raise OSError(errno.EINVAL, "the lock file is not an ordinary file")


def _take(descriptor: int, shared: bool, attempts: int = _ATTEMPTS) -> bool:
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    for attempt in range(attempts):
        if attempt:
            time.sleep(_PAUSE_S)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            pass
    return False


def _content(descriptor: int) -> str:
    return os.pread(descriptor, HOLDER_BYTES, 0).decode("ascii", "replace")


def _unusable(path: Path, error: OSError) -> DeviceError:
    return DeviceError(
        f"the lock {path} cannot be used ({error.strerror or error})",
        f"make its folder writable for all, or name another with {LOCKS_VARIABLE}",
    )


def _user() -> str:
    try:
        return getpass.getuser()[:100]
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
