"""This computer: commands are child processes, files are where they are."""

from __future__ import annotations

import contextlib
import glob as globbing
import os
import queue
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.locking import FileLock, Holder, lock_machine_here
from latency_bench.devices.python_environment import python_environment
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import MOST_PULLED_BYTES, Completed, LineHandler, Transport, refuse_larger
from latency_bench.devices.transports.bounded_lines import Collected, LineQueue, Tail, batches_of, drain

_FAREWELL_S = 60
_SILENCE = -1
"""In the place of a line: none came in time."""


class LocalTransport(Transport):
    """Runs commands in a process group of their own, which is killed whole when the call ends early."""

    name = "local"
    python = (sys.executable,)

    def __init__(self) -> None:
        self._folder = TemporaryFolder("local")
        self.workdir = str(self._folder.path)
        self._guards: list[subprocess.Popen[bytes]] = []
        self._lock: FileLock | None = None

    def run(
        self,
        argv: Sequence[str],
        *,
        on_stdout: LineHandler | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        idle_timeout_s: float | None = None,
    ) -> Completed:
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=self.workdir,
                env={**python_environment(os.environ, argv[0] == sys.executable), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            denied = isinstance(error, PermissionError)
            remedy = "make it executable (`chmod +x`)" if denied else "check the device's `python` in devices.yaml"
            raise DeviceError(f"cannot start {argv[0]!r}: {error.strerror or error}", remedy) from error
        try:
            return _follow(process, argv[0], on_stdout, timeout_s, idle_timeout_s)
        finally:
            # Also after Ctrl-C and after errors in on_stdout: no process of ours outlives the call.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def push(self, local: Path, name: str) -> str:
        if not local.is_dir():
            return str(local.resolve())
        target = Path(self.workdir) / name
        shutil.copytree(local, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        return str(target)

    def pull(self, remote: str, local: Path, most_bytes: int = MOST_PULLED_BYTES) -> None:
        try:
            found = os.stat(remote)
        except OSError as error:
            raise DeviceError(f"{remote} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(found.st_mode):
            raise DeviceError(f"{remote} is not a file")
        refuse_larger(remote, found.st_size, most_bytes)
        shutil.copyfile(remote, local)

    def read_text(self, path: str) -> str | None:
        try:
            return Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def glob(self, pattern: str) -> list[str]:
        return sorted(globbing.glob(pattern))

    def clock_offset_ns(self) -> int:
        return 0

    def at_end(self, argv: Sequence[str]) -> None:
        # A process that outlives us: the kernel closes its stdin when we end, however we end.
        script = 'trap "" HUP INT TERM; cat >/dev/null; exec "$@"'
        self._guards.append(
            subprocess.Popen(
                ["/bin/sh", "-c", script, "bench-guard", *argv], stdin=subprocess.PIPE, start_new_session=True
            )
        )

    def lock(self, holder: Holder) -> None:
        self._lock = lock_machine_here(holder)

    def close(self) -> None:
        while self._guards:
            guard = self._guards.pop()
            assert guard.stdin is not None
            guard.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                guard.wait(timeout=_FAREWELL_S)
        if self._lock is not None:
            self._lock.release()
        self._folder.remove()


def _follow(
    process: subprocess.Popen[bytes],
    program: str,
    on_stdout: LineHandler | None,
    timeout_s: float | None,
    idle_timeout_s: float | None,
) -> Completed:
    """Hand stdout on line by line until the process ends or a time limit is over."""
    lines, stderr = LineQueue(), Tail()
    assert process.stdout is not None
    assert process.stderr is not None
    threading.Thread(target=_feed, args=(process.stdout, lines), daemon=True).start()
    listening = drain(process.stderr, stderr.add)
    collected = Collected(Path(program).name)
    started_s = heard_s = time.monotonic()
    limits = [(timeout_s, "ran for more than"), (idle_timeout_s, "said nothing for")]
    try:
        while True:
            since_s = [started_s, heard_s]
            ends_s = [
                since + limit_s for (limit_s, _), since in zip(limits, since_s, strict=True) if limit_s is not None
            ]
            try:
                line = lines.get(timeout=max(0.0, min(ends_s) - time.monotonic()) if ends_s else None)
            except queue.Empty:
                line = _SILENCE
            if line is None:
                break
            # Not only in silence: a program that prints without end is over its time, too.
            for (limit_s, what), since in zip(limits, since_s, strict=True):
                if limit_s is not None and time.monotonic() - since >= limit_s:
                    raise DeviceError(
                        f"{Path(program).name} {what} {limit_s:.0f} s and was stopped",
                        "raise the time limit in the protocol, or choose a smaller model or resolution",
                    )
            if line is not _SILENCE:
                heard_s = time.monotonic()
                (collected.add if on_stdout is None else on_stdout)(str(line))
    finally:
        lines.close()
    returncode = process.wait()
    listening.join(timeout=5)
    return Completed(returncode, str(collected), str(stderr))


def _feed(stream: IO[bytes], lines: LineQueue) -> None:
    for batch in batches_of(stream):
        lines.put(batch)
    lines.put([None])
