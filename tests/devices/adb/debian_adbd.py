"""Android's own daemon, adbd, from Debian trixie, on loopback in a network namespace of its own.

The packages are fetched once into a cache (scripts/debian_packages.py). Nothing is installed: the daemon runs through
trixie's loader.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

from debian_packages import CannotFetchError, DebianSuite

CLONE_NEWNET = 0x40000000
FIRST_PORT = 15555


_MOUNTED = """\
while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 97; shift 2; done
shift
exec "$@"
"""


class CannotRunError(Exception):
    """Why the real daemon cannot run here."""


def adbd_root(cache: Path) -> Path:
    """Folder with the unpacked packages, fetched if it is not there yet."""
    if os.geteuid() != 0 or sys.platform != "linux":
        raise CannotRunError("needs root on Linux, for a network namespace")
    for program in ("unshare", "nsenter", "timeout", "setsid", "sha256sum"):
        if shutil.which(program) is None:
            raise CannotRunError(f"needs {program}")
    root = cache / "adbd-trixie"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "adbd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "usr/sbin/adbd").exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                try:
                    DebianSuite("trixie", Path(folder) / "apt").unpack(["adbd"], Path(folder) / "root")
                except CannotFetchError as error:
                    raise CannotRunError(str(error)) from error
                (Path(folder) / "root").rename(root)
    return root


def android_shell() -> Path:
    """mksh, which is the shell of every Android."""
    found = shutil.which("mksh")
    if found is None:
        raise CannotRunError("needs mksh")
    return Path(found)


def android_programs(folder: Path, *missing: str) -> Path:
    """A folder with what a phone has in its PATH: toybox under the names of its parts but those that are missing, its
    shell, and nothing of coreutils. Python is there for the stand-ins of tools that are no shell scripts."""
    toybox = shutil.which("toybox")
    if toybox is None:
        raise CannotRunError("needs toybox")
    folder.mkdir(parents=True)
    # Those of toybox run another part of it before what comes first in PATH, where tests put programs of their own.
    by_path = {name: shutil.which(name) for name in ("setsid", "env")}
    listed = subprocess.run([toybox], capture_output=True, text=True, check=True).stdout.split()
    for name in {*listed, *by_path} - set(missing):
        (folder / name).symlink_to(by_path.get(name) or toybox)
    (folder / "sh").symlink_to(android_shell())
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return folder


class Namespace:
    """A network namespace with nothing but its loopback, kept by a process that sleeps."""

    def __init__(self) -> None:
        self._keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], start_new_session=True)
        self._file = Path(f"/proc/{self._keeper.pid}/ns/net")
        own = os.readlink("/proc/self/ns/net")
        deadline_s = time.monotonic() + 120
        while os.readlink(self._file) == own:
            if self._keeper.poll() is not None or time.monotonic() > deadline_s:
                raise CannotRunError("a network namespace cannot be made here")
            time.sleep(0.01)
        with self.entered(), socket.socket() as control:
            # SIOCSIFFLAGS with IFF_UP | IFF_RUNNING
            fcntl.ioctl(control, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and what it starts, inside the namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as outside, self._file.open() as inside:
            if libc.setns(inside.fileno(), CLONE_NEWNET) != 0:
                raise CannotRunError(f"cannot enter a network namespace: {os.strerror(ctypes.get_errno())}")
            try:
                yield
            finally:
                libc.setns(outside.fileno(), CLONE_NEWNET)

    def close(self) -> None:
        self._keeper.kill()
        self._keeper.wait()


class Daemon:
    """One adbd. Only to be started inside a namespace: it listens on every address."""

    def __init__(
        self,
        root: Path,
        port: int,
        programs: Path,
        log: Path,
        *,
        others: Path,
        mounts: Mapping[str, Path] | None = None,
    ) -> None:
        """`others`: the folder of all programs beside `programs` (`android_programs`). `mounts`: what the daemon and
        its commands see in the place of a path of this machine; its shell is always Android's."""
        libraries = root / "usr/lib/x86_64-linux-gnu"
        if not libraries.exists():
            libraries = next(path for path in (root / "usr/lib").glob("*-linux-gnu*") if path.is_dir())
        loader = next(iter((root / "usr").glob("lib*/ld-linux*.so*")), None) or next(
            (root / "usr/lib").rglob("ld-linux*")
        )
        self._command = [
            *(str(loader), "--library-path", f"{libraries}:{libraries / 'android'}"),
            str(root / "usr/sbin/adbd"),
        ]
        places = {"/bin/sh": android_shell(), **(mounts or {})}
        pairs = [str(word) for place, content in places.items() for word in (content, place)]
        self._command = ["unshare", "--mount", "sh", "-c", _MOUNTED, "sh", *pairs, "--", *self._command]
        # The daemon's commands look for the phone's programs (getprop, dumpsys) where the test puts stand-ins.
        self._environment = {**os.environ, "ADBD_PORT": str(port), "PATH": f"{programs}:{others}"}
        self._log = log
        self.port = port
        self.start()

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline_s = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise CannotRunError(f"adbd does not start: {self._log.read_text()[-300:]}")
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGCONT)
        self._process.kill()
        self._process.wait()
