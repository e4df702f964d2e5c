"""The ADB transport: an Android device, through one of two backends that look the same from here."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from bench_worker.files import file_sha256
from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.locking import Holder
from latency_bench.devices.numerals import count
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.adb_follow import first_code, follow
from latency_bench.devices.transports.adb_link import AdbLink, AdbStream
from latency_bench.devices.transports.adb_lock import AdbLock
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.adb_script import guarded, held, new_mark
from latency_bench.devices.transports.adb_words import missing_program, shell_error
from latency_bench.devices.transports.base import MOST_PULLED_BYTES, Completed, LineHandler, Transport, refuse_larger

if TYPE_CHECKING:
    from latency_bench.devices.device import Device

_LONGEST_S = 6 * 3600
"""A command without a limit of its own is killed on the device after this time, should nobody else do it."""
_SHORT_S = 30.0
_HASH_BYTES_PER_S = 20e6
"""A slow phone's SHA-256, for the time limit."""
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PATTERN = re.compile(r"/[A-Za-z0-9_./*?\[\]-]{0,255}")
_STALE_DAYS = 1


def open_link(options: AdbOptions) -> AdbLink:
    """The backend that devices.yaml asks for, connected. Raises InventoryError, UnreachableError."""
    if options.backend == "adb-shell":
        from latency_bench.devices.transports.adb_direct import AdbDirectLink

        return AdbDirectLink(options)
    from latency_bench.devices.transports.adb_program import AdbProgramLink

    return AdbProgramLink(options)


class AdbTransport(Transport):
    """Runs commands under a guard that ends them with the call or the link; files go by their content's hash."""

    name = "adb"
    load_average_tells = False

    def __init__(self, link: AdbLink, folder: str) -> None:
        self.link = link
        # Over USB without a server nothing can be held beside a measurement; but nobody else is on that cable either.
        self.locks_there = link.parallel
        self._lock: AdbLock | None = None
        self._files = f"{folder}/files"
        self.workdir = f"{folder}/session-{secrets.token_hex(8)}"
        self.cachedir = f"{folder}/cache"
        self._carried: dict[str, int] = {}
        self._at_end: list[AdbStream] = []
        self._lost = False
        made = self._run_in(
            "/", ["mkdir", "-p", "-m", "700", self.workdir, self._files, self.cachedir], timeout_s=_SHORT_S
        )
        if made.returncode != 0:
            link.close()
            raise shell_error(link.description, made.stderr, f"cannot make {self.workdir}")
        # What a session leaves that was cut off from its device.
        stale = ["-mindepth", "1", "-maxdepth", "1", "-name", "session-*", "-mtime", f"+{_STALE_DAYS}"]
        self.run(["find", folder, *stale, "-exec", "rm", "-rf", "{}", "+"], timeout_s=_SHORT_S)

    @classmethod
    def for_device(cls, device: Device) -> AdbTransport:
        return cls(open_link(device.adb), device.adb.folder)

    @property
    def facts(self) -> dict[str, str]:
        """Which backend carries the link, and its version."""
        return self.link.facts

    def run(
        self,
        argv: Sequence[str],
        *,
        on_stdout: LineHandler | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        idle_timeout_s: float | None = None,
    ) -> Completed:
        return self._run_in(
            self.workdir, argv, on_stdout=on_stdout, env=env, timeout_s=timeout_s, idle_timeout_s=idle_timeout_s
        )

    def _run_in(
        self,
        workdir: str,
        argv: Sequence[str],
        *,
        on_stdout: LineHandler | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        idle_timeout_s: float | None = None,
    ) -> Completed:
        mark = new_mark()
        limit_s = int(_LONGEST_S if timeout_s is None else timeout_s + 5)
        stream = self.link.start(guarded(argv, workdir, env or {}, limit_s, mark))
        try:
            completed = follow(stream, self.link, argv[0], mark, on_stdout, timeout_s, idle_timeout_s)
        except UnreachableError:
            self._lost = True
            raise
        finally:
            # Also after Ctrl-C and after errors in on_stdout: what runs on the device ends with its input.
            stream.stop()
        self._lost = False
        return completed

    def push(self, local: Path, name: str) -> str:
        if local.is_dir():
            return self._push_folder(local, name)
        _check_name(name)
        sha256 = file_sha256(str(local))
        folder = f"{self._files}/{sha256[:32]}"
        target = f"{folder}/{name}"
        if self._hash_of(target, local.stat().st_size) == sha256:
            return target
        incoming = f"{self.workdir}/incoming-{secrets.token_hex(4)}"
        self.link.push(local, incoming)
        arrived = self._hash_of(incoming, local.stat().st_size)
        if arrived != sha256:
            self._remove(incoming)
            raise DeviceError(
                f"{name} arrived on {self.link.description} {'damaged' if arrived else 'not at all'}",
                "check the free space on the device (`adb shell df /data`) and the cable, then run again",
            )
        self._must("mkdir", "-p", "-m", "700", folder)
        self._must("chmod", "755", incoming)
        # Renamed last, so that a name stands for a file that is whole.
        self._must("mv", "-f", incoming, target)
        self._carried[sha256] = local.stat().st_size
        return target

    @property
    def carried_bytes(self) -> int:
        """What this session had to carry to the device; files that were there already are not in it."""
        return sum(self._carried.values())

    def remove(self, remotes: Sequence[str]) -> None:
        # Each lies in a folder of its own, which is named by its content.
        folders = [str(PurePosixPath(remote).parent) for remote in remotes]
        for folder in folders:
            if str(PurePosixPath(folder).parent) == self._files:
                self.run(["rm", "-rf", folder], timeout_s=_SHORT_S)

    def pull(self, remote: str, local: Path, most_bytes: int = MOST_PULLED_BYTES) -> None:
        # Phones before Android 6 have no `stat`; what is wrong with a file that is not there, adb says itself.
        stated = self.run(["stat", "-c", "%s %F", remote], timeout_s=_SHORT_S)
        size, _, kind = stated.stdout.strip().partition(" ")
        if stated.returncode == 0 and (size_bytes := count(size)) is not None:
            if not kind.startswith("regular"):
                raise DeviceError(f"{remote} on {self.link.description} is not a file")
            refuse_larger(remote, size_bytes, most_bytes)
        with TemporaryFolder("pull", local.parent) as folder:
            self.link.pull(remote, folder / "file")
            (folder / "file").replace(local)

    def read_text(self, path: str) -> str | None:
        done = self.run(["cat", path], timeout_s=_SHORT_S)
        return done.stdout if done.returncode == 0 else None

    def glob(self, pattern: str) -> list[str]:
        if not _PATTERN.fullmatch(pattern):
            raise DeviceError(f"{pattern!r} is not a pattern of file names that bench passes to a device's shell")
        # The characters that the check lets through mean nothing to a shell but as a pattern.
        script = f'for path in {pattern}; do [ -e "$path" ] && echo "$path"; done'
        return sorted(self.run(["sh", "-c", script], timeout_s=_SHORT_S).stdout.splitlines())

    def clock_offset_ns(self) -> int:
        """To half a second: `date` of older phones counts whole ones."""
        before_ns = time.time_ns()
        said = self.run(["date", "+%s"], timeout_s=_SHORT_S).stdout.strip()
        middle_ns = (before_ns + time.time_ns()) // 2
        if not re.fullmatch(r"[0-9]{1,12}", said):
            raise DeviceError(f"the clock of {self.link.description} cannot be read")
        return int(said) * 1_000_000_000 + 500_000_000 - middle_ns

    def at_end(self, argv: Sequence[str]) -> None:
        if not self.link.parallel:
            raise DeviceError(
                "over USB, adb-shell has one connection and cannot watch over settings beside a measurement",
                "use `adb: {backend: program}`",
            )
        mark = new_mark()
        stream = self.link.start(held(argv, mark))
        self._at_end.append(stream)
        first_code(stream, self.link, mark)

    def lock(self, holder: Holder) -> None:
        if self.locks_there:
            self._lock = AdbLock(self.link, holder)

    def check_lock(self) -> None:
        if self._lock is not None:
            self._lock.check()

    def close(self) -> None:
        while self._at_end:
            self._at_end.pop().stop()
        # A device that is gone cannot be tidied up; a later session does it.
        if not self._lost:
            with contextlib.suppress(DeviceError):
                self._run_in("/", ["rm", "-rf", self.workdir], timeout_s=_SHORT_S)
        if self._lock is not None:
            self._lock.release()
        self.link.close()

    def _push_folder(self, local: Path, name: str) -> str:
        _check_name(name)
        target = f"{self.workdir}/{name}"
        files = [path for path in sorted(local.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
        folders = sorted({(f"{target}/{path.relative_to(local).parent.as_posix()}") for path in files} | {target})
        self._must("mkdir", "-p", *folders)
        for path in files:
            self.link.push(path, f"{target}/{path.relative_to(local).as_posix()}")
            self._carried[f"{name}/{path.relative_to(local)}"] = path.stat().st_size
        return target

    def _hash_of(self, remote: str, size_bytes: int) -> str | None:
        """SHA-256 of a file on the device, None where there is none."""
        done = self.run(["sha256sum", remote], timeout_s=_SHORT_S + size_bytes / _HASH_BYTES_PER_S)
        if missing_program(done.stderr) is not None:
            raise shell_error(self.link.description, done.stderr, "a file cannot be verified")
        found = re.match(r"\\?([0-9a-f]{64})\s", done.stdout)
        return found.group(1) if found and done.returncode == 0 else None

    def _remove(self, remote: str) -> None:
        with contextlib.suppress(DeviceError):
            self.run(["rm", "-f", remote], timeout_s=_SHORT_S)

    def _must(self, *argv: str) -> None:
        done = self.run(argv, timeout_s=_SHORT_S)
        if done.returncode != 0:
            raise shell_error(self.link.description, done.stderr, f"{argv[0]} failed")


def _check_name(name: str) -> None:
    if not _FILE_NAME.fullmatch(name):
        raise DeviceError(f"{name!r} cannot be the name of a file on the device; use letters, digits and . _ -")
