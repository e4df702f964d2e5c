"""A worker that lives beside others and answers to commands."""

import json
import os
import subprocess
import sys
from typing import IO, Any, Dict, Sequence, cast

from ..events import MARKER, parse_event
from ..failure import INTERNAL, WorkerError, bad_request

Event = Dict[str, Any]
_START = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "start.py")
_ENOUGH_S = 60.0


class SideError(Exception):
    """A worker sent an `error`, or ended without one: its `event` says why, as the worker's own would."""

    def __init__(self, side: int, event: Event) -> None:
        super().__init__(event.get("message", ""))
        self.side = side
        self.event = event


class LiveWorker:
    """The process of one side. Its events come through `next_event`; anything else that it prints goes to stderr."""

    def __init__(self, side: int, python: Sequence[str], program: str, job: str) -> None:
        self._side = side
        command = list(python or (sys.executable,)) + [program or _START, job]
        try:
            # Started by the main thread, with which it dies (lifetime.py).
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise bad_request("cannot start %r: %s" % (command[0], error.strerror or error))
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)

    def warm_up(self) -> None:
        """Tell it to, after its first request. Raises SideError."""
        self._send(b'{"warm_up": true}\n')

    def run(self, requests: int) -> None:
        """Tell it to make so many requests. Raises SideError."""
        self._send(b'{"run": %d}\n' % requests)

    def end(self) -> None:
        """Tell it that it is enough. Raises SideError."""
        self._send(b'{"end": true}\n')

    def next_event(self) -> Event:
        """Waits for it. Raises SideError for an `error` event, and where the process ended."""
        for line in iter(self._stdout.readline, b""):
            text = line.decode("utf-8", "replace")
            if not text.startswith(MARKER):
                sys.stderr.write(text)
                continue
            event = parse_event(text)
            assert event is not None
            if event["event"] == "error":
                raise SideError(self._side, event)
            return event
        raise SideError(self._side, self._death())

    def wait(self) -> None:
        """For its end, after its last event. Raises SideError where it did not end well."""
        self._stdin.close()
        if self._process.wait(_ENOUGH_S) != 0:
            raise SideError(self._side, self._death())

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._stdin, self._stdout):
            try:
                stream.close()
            except OSError:
                pass

    def _send(self, line: bytes) -> None:
        try:
            self._stdin.write(line)
            self._stdin.flush()
        except OSError:
            # Its last event says more than a broken pipe.
            while True:
                self.next_event()

    def _death(self) -> Event:
        code = self._process.wait()
        if code == -9:
            # What the kernel does when memory runs out; nobody else on the device kills processes of ours.
            return _error("out-of-memory", "the measuring process was killed (SIGKILL), most likely for memory")
        if code < 0:
            return _error("crashed", "the measuring process died of signal %d" % -code)
        return _error("crashed", "the measuring process ended with code %d" % code)


def _error(kind: str, message: str) -> Event:
    return {"event": "error", "kind": kind, "message": message, "remedy": "what it printed says why"}


def as_failure(event: Event) -> WorkerError:
    """The `error` event of a side, as a failure of the alternation."""
    kind = event.get("kind")
    return WorkerError(
        kind if isinstance(kind, str) else INTERNAL,
        str(event.get("message") or json.dumps(event)),
        str(event.get("remedy") or ""),
    )
