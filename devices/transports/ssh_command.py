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
from latency_bench.devices.numerals import count
from latency_bench.devices.transports.base import Completed, LineHandler
from latency_bench.devices.transports.bounded_lines import (
    MOST_BYTES,
    Collected,
    LineQueue,
    Tail,
    batches_of,
    flood,
    lines_of,
)
from latency_bench.devices.transports.ssh_link import SshLink
from latency_bench.devices.transports.ssh_scripts import SUPERVISE

_BEGIN_S = 60.0
"""For the device's shell to start a command, on top of the limit for a connection."""
_END_S = 5.0
_MOST_EMPTY = 10_000
"""Empty lines that are held back, to see whether they stand before the end."""


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
    collected = Collected(f"{Path(argv[0]).name} on {link.options.host}")
    started_s = heard_s = time.monotonic()
    patience_s = 0.0
    try:
        while True:
            limits = [(timeout_s, started_s, "ran for more than"), (idle_timeout_s, heard_s, "said nothing for")]
            ends_s = [since_s + limit_s for limit_s, since_s, _ in limits if limit_s is not None]
            begins_s = started_s + link.options.connect_timeout_s + _BEGIN_S
            if not streams.begun:
                ends_s.append(begins_s)
            line = streams.next_line(min(ends_s, default=None))
            if line is None:
                break
            if not streams.begun and time.monotonic() >= begins_s:
                raise DeviceError(
                    f"{link.options.host} did not start {Path(argv[0]).name} within {begins_s - started_s:g} s",
                    "look what the start files of its shell (~/.bashrc and the like) wait for or print",
                )
            # Not only in silence: a program that prints without end is over its time, too.
            for limit_s, since_s, what in limits:
                if limit_s is not None and time.monotonic() >= since_s + limit_s:
                    patience_s = _END_S
                    raise DeviceError(
                        f"{Path(argv[0]).name} on {link.options.host} {what} {limit_s:g} s and was stopped",
                        "raise the time limit, choose a smaller model or resolution, or look what hangs there",
                    )
            if line is _SILENCE:
                continue
            heard_s = time.monotonic()
            (collected.add if on_stdout is None else on_stdout)(str(line))
        code = streams.code(_END_S)
        stderr = streams.stderr()
        if code is None:
            raise link.lost(f"while {Path(argv[0]).name} ran", stderr)
        patience_s = _END_S
        return Completed(code, str(collected), stderr)
    except (KeyboardInterrupt, SystemExit):
        # Time for the device to end the command before the connection goes.
        patience_s = _END_S
        raise
    finally:
        streams.close()
        link.end(process, patience_s)


class _Silence:
    """No line came in time."""


_SILENCE = _Silence()


class _Streams:
    """stdout and stderr between the supervisor's marks; what stands before them (banners) is added to stderr."""

    def __init__(self, process: subprocess.Popen[bytes], nonce: str) -> None:
        self._begin, self._end = f"{nonce} begin\n", f"{nonce} end "
        self._lines = LineQueue()
        self._foreign, self._kept = Tail(), Tail()
        self._flooded = False
        self.begun = False
        """Whether the command has started; what comes before is a banner, or a start file of the shell."""
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
        if self._flooded:
            raise flood("the device, before the command that was asked for,")
        if isinstance(line, int):
            self._code = line
            return None
        return line

    def close(self) -> None:
        """Nobody waits for lines any more."""
        self._lines.close()

    def code(self, patience_s: float) -> int | None:
        """How the command ended, negative for a signal; None where its end was never announced."""
        self._threads[1].join(timeout=patience_s)
        if self._code is None:
            return None
        # A shell adds 128 to the signal's number.
        return 128 - self._code if 128 < self._code <= 192 else self._code

    def stderr(self) -> str:
        return f"{self._foreign}{self._kept}"

    def _read_stdout(self, stream: IO[bytes]) -> None:
        self._foreign_bytes = self._empty = 0
        for batch in batches_of(stream):
            lines = [line for raw in batch for line in self._ours(raw)]
            self._lines.put(lines)
            if self._flooded or (lines and not isinstance(lines[-1], str)):
                break
        self._lines.put([None])

    def _ours(self, line: str) -> list[str | int | None]:
        """What of one raw line is the command's own; a number or None at its end."""
        if not self.begun:
            self.begun = line == self._begin
            if not self.begun and line.strip():
                self._foreign.add(line)
            self._foreign_bytes += len(line)
            self._flooded = self._foreign_bytes > MOST_BYTES
            return []
        if line == "\n" and self._empty < _MOST_EMPTY:
            self._empty += 1
            return []
        empty, self._empty = self._empty, 0
        if line.startswith(self._end):
            # The empty line before, if there is one, is what put the mark on a line of its own.
            return [*["\n"] * (empty - 1), count(line[len(self._end) :])]
        return [*["\n"] * empty, line]

    def _read_stderr(self, stream: IO[bytes]) -> None:
        for line in lines_of(stream):
            if line.startswith(self._end):
                self._kept.drop_empty_line()
                return
            if line == self._begin:
                self._kept.drop_empty_line()
                continue
            self._kept.add(line)
