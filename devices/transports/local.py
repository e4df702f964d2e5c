"""This computer: commands are child processes, files are where they are."""

from __future__ import annotations

import contextlib
import glob as globbing
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.locking import FileLock, Holder, lock_machine_here
from latency_bench.devices.python_environment import python_environment
from latency_bench.devices.transports.base import Completed, LineHandler, Transport

_KEPT_STDERR_BYTES = 1 << 20
_FAREWELL_S = 60


class LocalTransport(Transport):
    """Runs commands in a process group of their own, which is killed whole when the call ends early."""

    name = "local"
    python = (sys.executable,)

    def __init__(self) -> None:
        self.workdir = tempfile.mkdtemp(prefix="bench-")
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
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise DeviceError(
                f"cannot start {argv[0]!r}: {error.strerror or error}", "check the device's `python` in devices.yaml"
            ) from error
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

    def pull(self, remote: str, local: Path) -> None:
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
        shutil.rmtree(self.workdir, ignore_errors=True)


def _follow(
    process: subprocess.Popen[str],
    program: str,
    on_stdout: LineHandler | None,
    timeout_s: float | None,
    idle_timeout_s: float | None,
) -> Completed:
    """Hand stdout on line by line until the process ends or a time limit is over."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    stderr: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=_feed, args=(process.stdout, lines), daemon=True),
        threading.Thread(target=_keep_tail, args=(process.stderr, stderr), daemon=True),
    ]
    for reader in readers:
        reader.start()
    collected: list[str] = []
    started_s = heard_s = time.monotonic()
    while True:
        now_s = time.monotonic()
        limits = [(timeout_s, started_s, "ran for more than"), (idle_timeout_s, heard_s, "said nothing for")]
        left_s = [since_s + limit_s - now_s for limit_s, since_s, _ in limits if limit_s is not None]
        try:
            line = lines.get(timeout=max(0.0, min(left_s)) if left_s else None)
        except queue.Empty:
            for limit_s, since_s, what in limits:
                if limit_s is not None and time.monotonic() - since_s >= limit_s:
                    raise DeviceError(
                        f"{Path(program).name} {what} {limit_s:.0f} s and was stopped",
                        "raise the time limit in the protocol, or choose a smaller model or resolution",
                    ) from None
            continue
        if line is None:
            break
        heard_s = time.monotonic()
        if on_stdout is None:
            collected.append(line)
        else:
            on_stdout(line)
    returncode = process.wait()
    readers[1].join(timeout=5)
    return Completed(returncode, "".join(collected), "".join(stderr))


def _feed(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _keep_tail(stream: IO[str], kept: list[str]) -> None:
    """Collect a stream, bounded: a library that floods stderr must not fill our memory."""
    size_bytes = 0
    for line in stream:
        kept.append(line)
        size_bytes += len(line)
        while size_bytes > _KEPT_STDERR_BYTES and len(kept) > 1:
            size_bytes -= len(kept.pop(0))
