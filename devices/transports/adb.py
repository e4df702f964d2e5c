"""The ADB transport: an Android device, through one of two backends that look the same from here."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import queue
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devices.errors import DeviceError, UnreachableError
from devices.transports.adb_link import STDOUT, AdbLink, AdbStream, gone
from devices.transports.adb_options import AdbOptions
from devices.transports.adb_script import SIGN_OF_LIFE_S, MarkedLines, guarded, held, new_mark
from devices.transports.base import Completed, LineHandler, Transport

if TYPE_CHECKING:
    from devices.device import Device

_SILENT_S = 5 * SIGN_OF_LIFE_S
"""Without a sign of life for this long the device is gone."""
_LONGEST_S = 6 * 3600
"""A command without a limit of its own is killed on the device after this time, should nobody else do it."""
_SHORT_S = 30.0
_KEPT_STDERR_BYTES = 1 << 20
_LARGEST_STDOUT_BYTES = 1 << 26
_LONGEST_LINE = 1 << 20
_HASH_BYTES_PER_S = 20e6
"""A slow phone's SHA-256, for the time limit."""
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PATTERN = re.compile(r"/[A-Za-z0-9_./*?\[\]-]{0,255}")
_STALE_DAYS = 1


def open_link(options: AdbOptions) -> AdbLink:
    """The backend that devices.yaml asks for, connected. Raises InventoryError, UnreachableError."""
    if options.backend == "adb-shell":
        from devices.transports.adb_direct import AdbDirectLink

        return AdbDirectLink(options)
    from devices.transports.adb_program import AdbProgramLink

    return AdbProgramLink(options)


class AdbTransport(Transport):
    """Runs commands under a guard that ends them with the call or the link; files go by their content's hash."""

    name = "adb"

    def __init__(self, link: AdbLink, folder: str) -> None:
        self.link = link
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
            raise DeviceError(
                f"cannot make {self.workdir} on {link.description}: {_last_line(made.stderr)}",
                "free space on the device, or name a folder that may be written to with `adb: {folder: ...}`",
            )
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
            completed = _follow(stream, self.link, argv[0], mark, on_stdout, timeout_s, idle_timeout_s)
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
        sha256 = _sha256(local)
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

    def pull(self, remote: str, local: Path) -> None:
        with tempfile.TemporaryDirectory(dir=local.parent, prefix=".pull-") as folder:
            self.link.pull(remote, Path(folder) / "file")
            (Path(folder) / "file").replace(local)

    def read_text(self, path: str) -> str | None:
        done = self.run(["cat", path], timeout_s=_SHORT_S)
        return done.stdout if done.returncode == 0 else None

    def glob(self, pattern: str) -> list[str]:
        if not _PATTERN.fullmatch(pattern):
            raise DeviceError(f"{pattern!r} is no pattern of paths")
        # The characters that the check lets through mean nothing to a shell but as a pattern.
        script = f'for path in {pattern}; do [ -e "$path" ] && echo "$path"; done'
        return sorted(self.run(["sh", "-c", script], timeout_s=_SHORT_S).stdout.splitlines())

    def at_end(self, argv: Sequence[str]) -> None:
        if not self.link.parallel:
            raise DeviceError(
                "over USB, adb-shell has one connection and cannot watch over settings beside a measurement",
                "use `adb: {backend: program}`",
            )
        mark = new_mark()
        stream = self.link.start(held(argv, mark))
        self._at_end.append(stream)
        _first_code(stream, self.link, mark)

    def close(self) -> None:
        while self._at_end:
            self._at_end.pop().stop()
        # A device that is gone cannot be tidied up; a later session does it.
        if not self._lost:
            with contextlib.suppress(DeviceError):
                self._run_in("/", ["rm", "-rf", self.workdir], timeout_s=_SHORT_S)
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
        found = re.match(r"\\?([0-9a-f]{64})\s", done.stdout)
        return found.group(1) if found and done.returncode == 0 else None

    def _remove(self, remote: str) -> None:
        with contextlib.suppress(DeviceError):
            self.run(["rm", "-f", remote], timeout_s=_SHORT_S)

    def _must(self, *argv: str) -> None:
        done = self.run(argv, timeout_s=_SHORT_S)
        if done.returncode != 0:
            raise DeviceError(
                f"{argv[0]} failed on {self.link.description}: {_last_line(done.stderr)}",
                "check the free space on the device (`adb shell df /data`)",
            )


def _follow(
    stream: AdbStream,
    link: AdbLink,
    program: str,
    mark: str,
    on_stdout: LineHandler | None,
    timeout_s: float | None,
    idle_timeout_s: float | None,
) -> Completed:
    """Hand stdout on line by line until the command ends, a limit is over or the device gives no sign of life."""
    collected: list[str] = []
    lines = _Lines(on_stdout or _bounded(collected))
    marked, stderr = MarkedLines(mark), bytearray()
    started_s = heard_s = alive_s = time.monotonic()
    while True:
        now_s = time.monotonic()
        limits = [(timeout_s, started_s, "ran for more than"), (idle_timeout_s, heard_s, "said nothing for")]
        for limit_s, since_s, what in limits:
            if limit_s is not None and now_s - since_s >= limit_s:
                raise DeviceError(
                    f"{Path(program).name} {what} {limit_s:.0f} s on {link.description} and was stopped",
                    "raise the time limit in the protocol, or choose a smaller model or resolution",
                )
        if now_s - alive_s >= _SILENT_S:
            raise gone(link.description, f"no sign of life for {_SILENT_S} s")
        left_s = [since_s + limit_s - now_s for limit_s, since_s, _ in limits if limit_s is not None]
        try:
            chunk = stream.chunks.get(timeout=max(0.0, min([*left_s, alive_s + _SILENT_S - now_s])))
        except queue.Empty:
            continue
        if isinstance(chunk, Exception):
            raise chunk
        if chunk is None:
            break
        alive_s = time.monotonic()
        name, data = chunk
        if name == STDOUT:
            heard_s = alive_s
            lines.feed(data)
        else:
            stderr += marked.feed(data)
            del stderr[:-_KEPT_STDERR_BYTES]
    stderr += marked.end()
    said = stderr.decode("utf-8", "replace")
    if marked.exit_code is None:
        raise gone(link.description, f"the link broke under {Path(program).name} ({_last_line(said)})")
    lines.end()
    code = marked.exit_code
    return Completed(128 - code if 128 < code < 160 else code, "".join(collected), said)


def _first_code(stream: AdbStream, link: AdbLink, mark: str) -> int:
    """The exit code that a held script sends first."""
    marked = MarkedLines(mark)
    deadline_s = time.monotonic() + _SHORT_S
    while marked.exit_code is None:
        try:
            chunk = stream.chunks.get(timeout=max(0.0, deadline_s - time.monotonic()))
        except queue.Empty:
            raise gone(link.description, f"no answer within {_SHORT_S:.0f} s") from None
        if isinstance(chunk, Exception):
            raise chunk
        if chunk is None:
            raise gone(link.description, "the link broke")
        if chunk[0] != STDOUT:
            marked.feed(chunk[1])
    return marked.exit_code


class _Lines:
    """Lines out of chunks of bytes. A line without an end is handed on in pieces, so that it cannot fill our memory."""

    def __init__(self, handle: Callable[[str], None]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._handle = handle
        self._pending = ""

    def feed(self, data: bytes) -> None:
        *whole, self._pending = (self._pending + self._decoder.decode(data)).replace("\r\n", "\n").split("\n")
        for line in whole:
            self._handle(line + "\n")
        while len(self._pending) > _LONGEST_LINE:
            self._handle(self._pending[:_LONGEST_LINE])
            self._pending = self._pending[_LONGEST_LINE:]

    def end(self) -> None:
        rest = self._pending + self._decoder.decode(b"", final=True)
        if rest:
            self._handle(rest)


def _bounded(collected: list[str]) -> Callable[[str], None]:
    size = 0

    def keep(line: str) -> None:
        nonlocal size
        size += len(line)
        if size > _LARGEST_STDOUT_BYTES:
            raise DeviceError(f"a command on the device printed more than {_LARGEST_STDOUT_BYTES >> 20} MiB")
        collected.append(line)

    return keep


def _check_name(name: str) -> None:
    if not _FILE_NAME.fullmatch(name):
        raise DeviceError(f"{name!r} is no name for a file on the device")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "nothing was printed"
