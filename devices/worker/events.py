"""Events: JSON lines on what was the process's stdout when it started."""

import json
import os
import sys
import threading
from typing import Any, Dict, Optional

MARKER = "@bench "


class EventStream:
    """Owns stdout. Whatever else this process prints, C++ libraries included, goes to stderr instead.

    Every event leaves as one line in one go under a lock, so that neither a thread nor a library can cut it in two.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._descriptor = os.dup(1)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        # A login banner may have left its last line open; the marker must start a line.
        self._prefix = b"\n"

    def emit(self, event: str, **fields: Any) -> None:
        """Send one event. Fields that are None at the top level are left out: absent means not measured."""
        with self._lock:
            self._write(event, fields)

    def emit_and_exit(self, code: int, event: str, **fields: Any) -> None:
        """Send a last event and end the process at once, from whichever thread; never returns.

        A main thread that is blocked writing to a host which reads no more keeps the lock: then the event is lost.
        """
        try:
            if self._lock.acquire(timeout=1.0):
                self._write(event, fields)
        finally:
            os._exit(code)

    def _write(self, event: str, fields: Dict[str, Any]) -> None:
        document: Dict[str, Any] = {"event": event}
        document.update((name, value) for name, value in fields.items() if value is not None)
        line = MARKER + json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"
        data = memoryview(self._prefix + line.encode("utf-8"))
        self._prefix = b""
        while data:
            data = data[os.write(self._descriptor, data) :]


def parse_event(line: str) -> Optional[Dict[str, Any]]:
    """The event in one line of output, or None for a line that is not ours. Raises ValueError for a broken one."""
    if not line.startswith(MARKER):
        return None
    document = json.loads(line[len(MARKER) :])
    if not isinstance(document, dict) or not isinstance(document.get("event"), str):
        raise ValueError("not an event: %r" % line[:200])
    return document
