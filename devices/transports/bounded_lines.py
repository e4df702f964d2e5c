"""Lines of a process that may never stop printing, or never end a line: bounded in length, in number, and in sum."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from latency_bench.devices.errors import DeviceError

LONGEST_LINE = 8 << 20
"""Bytes; a longer line is handed on in pieces. A worker's longest event, 20,000 requests, takes 2 MB at most."""
MOST_BYTES = 1 << 26
"""That are collected of a command's output, or passed over before it begins."""
TAIL_CHARACTERS = 1 << 20
_CHUNK_BYTES = 1 << 16
_LINE_BYTES = 64
"""That a line takes beyond its characters: a flood of short ones fills the memory too."""
_WAITING_BYTES = 2 * LONGEST_LINE


def batches_of(stream: IO[bytes]) -> Iterator[list[str]]:
    """The lines of a stream as they come, their ends included, those that are too long in pieces. Closes it at its
    end."""
    pending = b""
    with stream:
        while chunk := stream.read1(_CHUNK_BYTES):  # type: ignore[attr-defined]
            *whole, rest = chunk.split(b"\n")
            if whole:
                yield [(line + b"\n").decode("utf-8", "replace") for line in (pending + whole[0], *whole[1:])]
                pending = b""
            pending += rest
            if len(pending) >= LONGEST_LINE:
                yield [pending.decode("utf-8", "replace")]
                pending = b""
    if pending:
        yield [pending.decode("utf-8", "replace")]


def lines_of(stream: IO[bytes]) -> Iterator[str]:
    """The same one by one."""
    for batch in batches_of(stream):
        yield from batch


class Tail:
    """The latest of what was printed, a megabyte of it."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._characters = 0

    def add(self, line: str) -> None:
        self._lines.append(line[-TAIL_CHARACTERS:])
        self._characters += len(self._lines[-1])
        while self._characters > TAIL_CHARACTERS and len(self._lines) > 1:
            self._characters -= len(self._lines.popleft())

    def drop_empty_line(self) -> None:
        """Take the last line away where it is an empty one."""
        if self._lines and self._lines[-1] == "\n":
            self._characters -= len(self._lines.pop())

    def __str__(self) -> str:
        return "".join(self._lines)


class Collected:
    """All that was printed, up to a limit. Raises DeviceError beyond it."""

    def __init__(self, program: str, most_bytes: int = MOST_BYTES) -> None:
        self._lines: list[str] = []
        self._left = most_bytes
        self._program, self._most_bytes = program, most_bytes

    def add(self, line: str) -> None:
        self._left -= len(line) + _LINE_BYTES
        if self._left < 0:
            raise flood(self._program, self._most_bytes)
        self._lines.append(line)

    def __str__(self) -> str:
        return "".join(self._lines)


def flood(program: str, most_bytes: int = MOST_BYTES) -> DeviceError:
    return DeviceError(
        f"{program} printed more than {most_bytes >> 20} MiB and was stopped",
        "look what prints without end: the program itself, or a start file of the shell on the device",
    )


class LineQueue:
    """From the thread that reads a stream to the one that waits for its lines. Whoever reads waits once a few
    megabytes have not been taken; after `close` it throws lines away."""

    def __init__(self) -> None:
        self._lines: deque[str | int | None] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, lines: Sequence[str | int | None]) -> None:
        """Several at once. A number or None stands for the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._bytes < _WAITING_BYTES)
            if not self._closed:
                self._lines.extend(lines)
                self._bytes += sum(map(_size, lines))
                self._changed.notify_all()

    def get(self, timeout: float | None) -> str | int | None:
        """Raises queue.Empty."""
        with self._changed:
            if not self._lines and not self._changed.wait_for(lambda: self._lines, timeout):
                raise queue.Empty
            line = self._lines.popleft()
            self._bytes -= _size(line)
            if self._bytes < _WAITING_BYTES:
                self._changed.notify_all()
            return line

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._lines.clear()
            self._changed.notify_all()


def _size(line: str | int | None) -> int:
    return len(line) + _LINE_BYTES if isinstance(line, str) else 0


def drain(stream: IO[bytes], keep: Callable[[str], None]) -> threading.Thread:
    """A thread that hands on the lines of a stream until it ends."""

    def run() -> None:
        for line in lines_of(stream):
            keep(line)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
