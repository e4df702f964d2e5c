"""Backend `program`: the adb program and its server, shared with whatever else talks to the phone."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import IO

from latency_bench.devices.errors import InventoryError, UnreachableError
from latency_bench.devices.transports.adb_link import STDERR, STDOUT, AdbLink, AdbStream, gone
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.adb_wireless import announced_address, is_address, same_phone, serial_of
from latency_bench.devices.transports.adb_words import link_error, shown, state_error, transfer_error

_ANSWER_S = 20.0
"""Starting the server and connecting over a network take a few seconds."""
_SETTLE_S = 8.0
_CHECK_EVERY_S = 3.0
_CHECK_S = 5.0
_INSTALL = "install Android's platform-tools, or the extra [android] (README.md says how)"


def find_program(options: AdbOptions) -> str:
    """Path of adb: the configured one, the one in PATH, or the one inside the package adbutils."""
    if options.program is not None:
        found = shutil.which(str(Path(options.program).expanduser()))
        if found is None:
            raise InventoryError(f"adb: program {options.program!r} is not there", _INSTALL)
        return found
    if found := shutil.which("adb"):
        return found
    package = importlib.util.find_spec("adbutils")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for name in ("adb", "adb.exe"):
            program = Path(folder) / "binaries" / name
            if program.is_file():
                return str(program)
    raise InventoryError("the program adb was not found", _INSTALL)


class AdbProgramLink(AdbLink):
    def __init__(self, options: AdbOptions) -> None:
        self._program = find_program(options)
        if options.host is not None:
            self.description = _connect(self._program, f"{options.host}:{options.port}")
            self.description = choose(listed_devices(self._program), self.description)
        else:
            self.description = _found(self._program, options.serial)
        self.facts = {"backend": "program", "version": _version(self._program)}

    def start(self, script: str) -> AdbStream:
        return _ProgramStream(self._command("shell", "-T", script))

    def push(self, local: Path, remote: str) -> None:
        self._transfer("push", str(local), remote)

    def pull(self, remote: str, local: Path) -> None:
        self._transfer("pull", remote, str(local))

    def _command(self, *words: str) -> list[str]:
        return [self._program, "-s", self.description, *words]

    def _transfer(self, *words: str) -> None:
        """`adb push` says nothing while it works, so the device is asked now and then whether it is still there."""
        process = subprocess.Popen(
            self._command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            while True:
                try:
                    said, _ = process.communicate(timeout=_CHECK_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    self._check_there()
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        if process.returncode != 0:
            # adb's words for a device that is gone are many ("failed to read copy response: EOF"), so it is asked.
            self._check_there()
            raise transfer_error(self.description, said, f"adb {words[0]} failed")

    def _check_there(self) -> None:
        try:
            done = _adb(self._program, "-s", self.description, "shell", "-T", "echo there", timeout_s=_CHECK_S)
        except UnreachableError:
            raise gone(self.description, f"it did not answer within {_CHECK_S:.0f} s") from None
        if "there" not in done.stdout:
            raise transfer_error(self.description, done.stderr, "the device does not answer any more")


class _ProgramStream(AdbStream):
    def __init__(self, command: list[str]) -> None:
        super().__init__()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            threading.Thread(target=self._feed, args=(name, stream), daemon=True)
            for name, stream in ((STDOUT, self._process.stdout), (STDERR, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._end, daemon=True).start()

    def stop(self) -> None:
        # The end of our input reaches the watcher on the device, which kills the command; adb ends by itself then.
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        deadline_s = time.monotonic() + 2
        while self._process.poll() is None and time.monotonic() < deadline_s:
            # The readers must not block on a full queue, or adb never gets to the end.
            with contextlib.suppress(Exception):
                self.chunks.get(timeout=0.05)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _feed(self, name: str, stream: IO[bytes]) -> None:
        with stream:
            while chunk := stream.read1(65536):  # type: ignore[attr-defined]
                self.chunks.put((name, chunk))

    def _end(self) -> None:
        for reader in self._readers:
            reader.join()
        self.chunks.put(None)


def _adb(program: str, *words: str, timeout_s: float = _ANSWER_S) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [program, *words],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise UnreachableError(
            f"`adb {' '.join(words[:3])}` did not answer within {timeout_s:.0f} s",
            "check cable or network; `adb kill-server` ends an adb server that hangs",
        ) from None
    except OSError as error:
        raise InventoryError(f"cannot start {program}: {error.strerror or error}", _INSTALL) from None


@functools.lru_cache(maxsize=8)
def _version(program: str) -> str:
    found = re.search(r"^Version (\S{1,40})", _adb(program, "version").stdout, re.M)
    return found.group(1) if found else "unknown"


def _connect(program: str, address: str) -> str:
    done = _adb(program, "connect", address)
    said = (done.stdout + done.stderr).strip()
    if (error := link_error(address, said)) is not None:
        raise error
    if not re.search(r"^(?:already )?connected to ", said, re.M):
        raise UnreachableError(
            f"cannot connect to {address}; adb said: {shown(said)}",
            "check address and port, and that wireless debugging is on; with Android 11 and up, `adb pair` comes first",
        )
    return _settled(program, address)


def _settled(program: str, address: str) -> str:
    """Wait until the server has made up its mind about an address. It takes one that it has lost for connected still,
    says `offline` of it or drops it a moment later, and tries again only when it is told to."""
    deadline_s = time.monotonic() + _SETTLE_S
    try_again_s = time.monotonic()
    while time.monotonic() < deadline_s:
        state = listed_devices(program).get(address)
        if state not in ("offline", "connecting", "authorizing", None):
            break
        if state in ("offline", None) and time.monotonic() >= try_again_s:
            if state == "offline":
                _adb(program, "disconnect", address)
            _adb(program, "connect", address)
            try_again_s = time.monotonic() + 1.0
        time.sleep(0.1)
    return address


def listed_devices(program: str) -> dict[str, str]:
    """State by serial. Raises UnreachableError with adb's words where its server does not start."""
    done = _adb(program, "devices")
    if done.returncode != 0:
        raise UnreachableError(f"adb does not work; it said: {shown(done.stderr)}", "try `adb devices` by hand")
    return states_of(done.stdout)


def states_of(listed: str) -> dict[str, str]:
    """State by serial, from what `adb devices` prints."""
    lines = listed.partition("List of devices attached")[2].splitlines()
    pairs = (line.strip().split("\t") for line in lines)
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _found(program: str, serial: str | None) -> str:
    """adb's name of the phone that is meant. One that came back under another name, or at another address, is found by
    its serial: among the names, by asking those that are known by an address, and where it announces itself now."""
    devices = listed_devices(program)
    if serial is None or any(devices[name] == "device" for name in same_phone(devices, serial)):
        return choose(devices, serial)
    for name, state in devices.items():
        if state == "device" and is_address(name) and _asked_serial(program, name) == serial_of(serial):
            return name
    if (address := announced_address(_adb(program, "mdns", "services").stdout, serial)) is not None:
        return choose(listed_devices(program), _connect(program, address))
    return choose(devices, serial)


def _asked_serial(program: str, name: str) -> str | None:
    try:
        done = _adb(program, "-s", name, "shell", "-T", "getprop ro.serialno", timeout_s=_CHECK_S)
    except UnreachableError:
        return None
    return done.stdout.strip() or None


def choose(devices: dict[str, str], serial: str | None) -> str:
    """The serial to use, in state `device`. Never the first of several."""
    if serial is None:
        if not devices:
            raise UnreachableError(
                "no Android device is attached",
                "connect one and switch on USB debugging, or give `adb: {host: ...}` in devices.yaml",
            )
        if len(devices) > 1:
            raise InventoryError(
                f"{len(devices)} Android devices are attached: "
                + ", ".join(f"{name} ({state})" for name, state in sorted(devices.items())),
                "say which one with `adb: {serial: ...}` in devices.yaml",
            )
        serial = next(iter(devices))
    names = same_phone(devices, serial)
    serial = next((name for name in names if devices[name] == "device"), next(iter(names), serial))
    state = devices.get(serial)
    if state == "device":
        return serial
    if state is None:
        raise UnreachableError(
            f"the device {serial} is not attached; attached: {', '.join(sorted(devices)) or 'none'}",
            "check cable or network and the serial in devices.yaml",
        )
    raise state_error(serial, state)
