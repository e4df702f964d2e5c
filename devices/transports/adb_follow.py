"""Following a command on the device over its stream: lines as they come, the exit code, and who has gone silent."""

from __future__ import annotations

import codecs
import queue
import time
from collections.abc import Callable
from pathlib import Path

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports.adb_link import STDOUT, AdbLink, AdbStream, gone
from latency_bench.devices.transports.adb_script import SIGN_OF_LIFE_S, MarkedLines
from latency_bench.devices.transports.adb_words import refusal
from latency_bench.devices.transports.base import Completed, LineHandler

_SILENT_S = 5 * SIGN_OF_LIFE_S
"""Without a sign of life for this long the device is gone."""
_ANSWER_S = 30.0
_KEPT_STDERR_BYTES = 1 << 20
_LARGEST_STDOUT_BYTES = 1 << 26
_LONGEST_LINE = 1 << 20


def follow(
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
            raise gone(link.description, f"it gave no sign of life for {_SILENT_S} s")
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
        # The last line is adb's own: what the command printed came before it.
        broke = gone(link.description, f"the link broke under {Path(program).name} ({last_line(said)})")
        raise refusal(link.description, last_line(said)) or broke
    lines.end()
    code = marked.exit_code
    return Completed(128 - code if 128 < code < 160 else code, "".join(collected), said)


def first_code(stream: AdbStream, link: AdbLink, mark: str) -> int:
    """The exit code that a held script sends first."""
    marked = MarkedLines(mark)
    deadline_s = time.monotonic() + _ANSWER_S
    while marked.exit_code is None:
        try:
            chunk = stream.chunks.get(timeout=max(0.0, deadline_s - time.monotonic()))
        except queue.Empty:
            raise gone(link.description, f"it did not answer within {_ANSWER_S:.0f} s") from None
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


def last_line(text: str) -> str:
    """What a program said last, for an error's text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "nothing was printed"
