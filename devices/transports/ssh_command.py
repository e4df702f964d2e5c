"""A command on the device, followed line by line from its begin to its end."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports.base import Completed, LineHandler
from latency_bench.devices.transports.ssh_link import SshLink
from latency_bench.devices.transports.ssh_scripts import SUPERVISE

_KEPT_STDERR_BYTES = 1 << 20
_END_S = 5.0


def run_command(
    link: SshLink,
    argv: Sequence[str],
    on_stdout: LineHandler | None,
    timeout_s: float | None,
    idle_timeout_s: float | None,
) -> Completed:
    """As `Transport.run`."""
    process = link.start(SUPERVISE, link.workdir, str(link.options.silence_s), *argv)
    assert process.stdin is not None
    link.beat(process.stdin)
    streams = _Streams(process, link.nonce)
    collected: list[str] = []
    started_s = heard_s = time.monotonic()
    patience_s = 0.0
    try:
        while True:
            limits = [(timeout_s, started_s, "ran for more than"), (idle_timeout_s, heard_s, "said nothing for")]
            ends_s = [since_s + limit_s for limit_s, since_s, _ in limits if limit_s is not None]
            line = streams.next_line(min(ends_s, default=None))
            if line is None:
                break
            if line is _SILENCE:
                for limit_s, since_s, what in limits:
                    if limit_s is not None and time.monotonic() >= since_s + limit_s:
                        patience_s = _END_S
                        raise DeviceError(
                            f"{Path(argv[0]).name} on {link.options.host} {what} {limit_s:g} s and was stopped",
                            "raise the time limit, choose a smaller model or resolution, or look what hangs there",
                        )
                continue
            heard_s = time.monotonic()
            if on_stdout is None:
                collected.append(str(line))
            else:
                on_stdout(str(line))
        code = streams.code(_END_S)
        stderr = streams.stderr()
        if code is None:
            raise link.lost(f"while {Path(argv[0]).name} ran", stderr)
        patience_s = _END_S
        return Completed(code, "".join(collected), stderr)
    except (KeyboardInterrupt, SystemExit):
        # Time for the device to end the command before the connection goes.
        patience_s = _END_S
        raise
    finally:
        link.end(process, patience_s)


class _Silence:
    """No line came in time."""


_SILENCE = _Silence()


class _Streams:
    """stdout and stderr between the supervisor's marks; what stands before them (banners) is added to stderr."""

    def __init__(self, process: subprocess.Popen[bytes], nonce: str) -> None:
        self._begin, self._end = f"{nonce} begin\n", f"{nonce} end "
        self._lines: queue.SimpleQueue[str | int | None] = queue.SimpleQueue()
        self._foreign: list[str] = []
        self._kept: list[str] = []
        self._code: int | None = None
        assert process.stdout is not None
        assert process.stderr is not None
        self._threads = [
            threading.Thread(target=self._read_stdout, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def next_line(self, deadline_s: float | None) -> str | _Silence | None:
        """The next line of stdout; None at its end."""
        try:
            line = self._lines.get(timeout=None if deadline_s is None else max(0.0, deadline_s - time.monotonic()))
        except queue.Empty:
            return _SILENCE
        if isinstance(line, int):
            self._code = line
            return None
        return line

    def code(self, patience_s: float) -> int | None:
        """How the command ended, negative for a signal; None where its end was never announced."""
        self._threads[1].join(timeout=patience_s)
        if self._code is None:
            return None
        # A shell adds 128 to the signal's number.
        return 128 - self._code if 128 < self._code <= 192 else self._code

    def stderr(self) -> str:
        return "".join([*self._foreign, *self._kept])

    def _read_stdout(self, stream: IO[bytes]) -> None:
        begun = False
        empty = 0
        for raw in stream:
            line = raw.decode("utf-8", "replace")
            if not begun:
                begun = line == self._begin
                if not begun and line.strip() and len(self._foreign) < 1000:
                    self._foreign.append(line)
            elif line.startswith(self._end):
                # The empty line before, if there is one, is what put the mark on a line of its own.
                for _ in range(empty - 1):
                    self._lines.put("\n")
                code = line[len(self._end) :].strip()
                self._lines.put(int(code) if code.isdigit() else None)
                return
            elif line == "\n":
                empty += 1
            else:
                for _ in range(empty):
                    self._lines.put("\n")
                empty = 0
                self._lines.put(line)
        self._lines.put(None)

    def _read_stderr(self, stream: IO[bytes]) -> None:
        size_bytes = 0
        for raw in stream:
            line = raw.decode("utf-8", "replace")
            if line.startswith(self._end):
                if self._kept and self._kept[-1] == "\n":
                    self._kept.pop()
                return
            if line == self._begin:
                if self._kept and self._kept[-1] == "\n":
                    self._kept.pop()
                continue
            self._kept.append(line)
            size_bytes += len(line)
            # Bounded: a library that floods stderr must not fill our memory.
            while size_bytes > _KEPT_STDERR_BYTES and len(self._kept) > 1:
                size_bytes -= len(self._kept.pop(0))
