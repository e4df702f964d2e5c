"""The journal of a running campaign: what `bench watch` reads. It can be lost without losing anything that counts.

<store>/.campaigns/<name>/journal.jsonl    one JSON object a line, the oldest first, begun anew by every `bench sweep`
<store>/.campaigns/<name>/lock             held by the `bench sweep` that runs it
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.layout import checked_name, is_name

FOLDER = ".campaigns"
"""In a store. A name with a leading dot is no device."""
JOURNAL_FILE = "journal.jsonl"
LOCK_FILE = "lock"
_ATTEMPTS = 4
_PAUSE_S = 0.02


def campaign_folder(store: Path, name: str) -> Path:
    """Where a campaign's journal lies. Raises InvalidNameError."""
    return store / FOLDER / checked_name(name, "campaign")


def campaign_names(store: Path) -> list[str]:
    """Campaigns that have a journal, the one that was last written to first."""
    folder = store / FOLDER
    found = [path for path in folder.glob(f"*/{JOURNAL_FILE}") if is_name(path.parent.name)]
    return [path.parent.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


class Journal:
    """Written by the one process that runs the campaign. Use as a context manager.

    Raises UsageError where another process runs the campaign on this store, StoreError where nothing can be written.
    """

    def __init__(self, store: Path, name: str) -> None:
        self._folder = campaign_folder(store, name)
        self._name = name
        self._lock: TextIO
        self._file: TextIO

    def __enter__(self) -> Journal:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self._folder / LOCK_FILE).open("a+", encoding="utf-8")
            if not _lock_alone(self._lock):
                self._lock.seek(0)
                who = "".join(letter for letter in self._lock.read(200) if letter.isprintable())
                self._lock.close()
                raise UsageError(
                    f"the campaign {self._name!r} is running already ({who or 'elsewhere'}); `bench watch` follows it"
                )
            self._lock.truncate(0)
            self._lock.write(f"process {os.getpid()} on {socket.gethostname()}")
            self._lock.flush()
            # A new file and no truncated one: whoever reads the old journal reads it to its end.
            temporary = self._folder / f".{JOURNAL_FILE}.{os.getpid()}"
            self._file = temporary.open("w", encoding="utf-8")
            temporary.replace(self._folder / JOURNAL_FILE)
        except OSError as error:
            raise from_os_error(error, self._folder, "write") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.close()

    def write(self, event: dict[str, Any]) -> None:
        """Add an event. A journal that cannot be written stops nothing."""
        try:
            self._file.write(json.dumps(event, ensure_ascii=True) + "\n")
            self._file.flush()
        except OSError:
            # The store says so itself, should it be full.
            pass


def parse_event(line: str) -> dict[str, Any] | None:
    """An event from its line; None for what is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def _lock_alone(file: TextIO) -> bool:
    """More than one try: who asks `is_running` has the lock for microseconds."""
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(_PAUSE_S)
    return False


def is_running(store: Path, name: str) -> bool:
    """Whether a process holds the campaign. On another host's store that cannot lock, False."""
    try:
        with (campaign_folder(store, name) / LOCK_FILE).open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False
