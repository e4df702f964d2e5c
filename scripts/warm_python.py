"""Processes of a Python that has imported already what they need, so that tests and trials spend their time on what the
processes do.

A server (warm_server.py) imports once and forks for every process that it is asked for. Such a process runs a module as
`python -m` does, in the folder and environment and with the streams, limits and network of its caller, to the same end:
signal handlers and clean-up at exit included. What it has not is the seconds in which Python imports. What the
interpreter itself reads when it starts is the server's (`starts_alike`).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

_SERVER = Path(__file__).with_name("warm_server.py")
_READ_AT_START = ("PYTHON", "LANG", "LC_", "LD_", "TZ", "OMP_", "OPENBLAS_", "MKL_", "MALLOC_")
_LIMITS = ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CPU")


def starts_alike(environment: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether an interpreter starts in the same way in both."""
    one, two = (
        {name: value for name, value in each.items() if name.startswith(_READ_AT_START)}
        for each in (environment, other)
    )
    return one == two


class WarmPython:
    """Use as a context manager, or `start` and `stop` it. `modules` are imported at the first process; `prepare`
    ("module:function:word") is called after that, in the server."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str], prepare: str = "") -> None:
        self.environment = dict(environment)
        self._modules = tuple(modules)
        self._prepare = prepare
        # A socket's path may have a hundred letters.
        self._folder = tempfile.mkdtemp(prefix="warm-", dir="/tmp" if os.path.isdir("/tmp") else None)
        self.socket = os.path.join(self._folder, "socket")

    def start(self) -> WarmPython:
        self.server = subprocess.Popen(
            [sys.executable, str(_SERVER), self.socket, self._prepare, *self._modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._folder,
            env=self.environment,
        )
        assert self.server.stdout is not None
        if not self.server.stdout.readline():
            raise RuntimeError(f"the server of warm processes ended with {self.server.wait()}")
        return self

    def stop(self) -> None:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    __enter__ = start

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class WarmProcess:
    """As much of a subprocess.Popen as its users need; `server` is the path of a socket."""

    def __init__(
        self,
        server: str,
        module: str,
        words: Sequence[str],
        *,
        cwd: str | Path,
        env: Mapping[str, str],
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        start_new_session: bool = False,
    ) -> None:
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        with contextlib.ExitStack() as given:
            streams = [self._stream(given, *each) for each in ((0, stdin), (1, stdout), (2, stderr))]
            request = json.dumps(
                {
                    "module": module,
                    "words": list(words),
                    "folder": os.fsdecode(os.fspath(cwd)),
                    "environment": dict(env),
                    "new_session": start_new_session,
                    **_inherited(),
                }
            ).encode()
            self._connection = socket.socket(socket.AF_UNIX)
            self._connection.connect(server)
            socket.send_fds(self._connection, [b"%8d" % len(request)], streams)
            self._connection.sendall(request)
        self._lines = self._connection.makefile("rb", buffering=0)
        if not (pid := self._lines.readline()):
            raise RuntimeError(f"no process was started for {module}: its server is gone, or failed")
        self.pid = int(pid)

    def _stream(self, given: contextlib.ExitStack, number: int, asked: int | IO[bytes]) -> int:
        """The descriptor that the process gets; `given` closes what is not the caller's."""
        if asked == subprocess.DEVNULL:
            return given.enter_context(open(os.devnull, "r+b", buffering=0)).fileno()
        if asked == subprocess.PIPE:
            ends = os.pipe()
            theirs, ours = ends if number == 0 else ends[::-1]
            given.callback(os.close, theirs)
            if number == 0:
                self.stdin = os.fdopen(ours, "wb", buffering=0)
            else:
                self.stdout = os.fdopen(ours, "rb")
            return theirs
        return asked if isinstance(asked, int) else asked.fileno()

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            line = self._lines.readline()
            # The server's own end takes the keeper of this process with it.
            self.returncode = int(line) if line else -signal.SIGKILL
            self._lines.close()
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_warm(
    server: str, module: str, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """As subprocess.run with its output captured. Raises subprocess.TimeoutExpired, after the process has ended."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = WarmProcess(server, module, words, cwd=cwd, env=env, stdout=out, stderr=errors)
        try:
            code = process.wait(timeout_s)
        finally:
            process.kill()
            process.wait()
        printed = []
        for stream in (out, errors):
            stream.seek(0)
            printed.append(stream.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess([module, *words], code, *printed)


def _inherited() -> dict[str, Any]:
    """What a child has of this thread without being told."""
    umask = os.umask(0o022)
    os.umask(umask)
    return {
        "network": f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net",
        "limits": {getattr(resource, name): resource.getrlimit(getattr(resource, name)) for name in _LIMITS},
        "cpus": sorted(os.sched_getaffinity(0)),
        "umask": umask,
    }
