"""A campaign seen from another process: its journal, read as it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from latency_bench.harness.campaign.journal import JOURNAL_FILE, campaign_folder, is_running, parse_event
from latency_bench.harness.campaign.tally import Tally
from latency_bench.harness.store.errors import from_os_error

POLL_S = 0.5


class Follower:
    """Reads a journal from its beginning; what the writer has not ended a line of is left for the next time.

    Use as a context manager. A `bench sweep` that is begun while it is followed starts another journal, which is not
    looked for.
    """

    def __init__(self, store: Path, name: str) -> None:
        """Raises StoreError where the journal cannot be read, InvalidNameError for a name that is none."""
        self._store = store
        self._name = name
        self._pending = ""
        self.tally = Tally()
        path = campaign_folder(store, name) / JOURNAL_FILE
        try:
            self._file = path.open(encoding="utf-8", errors="replace")
        except OSError as error:
            raise from_os_error(error, path, "read") from error

    def __enter__(self) -> Follower:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self) -> None:
        """Take in what was written since the last time."""
        for _ in self._new_events():
            pass

    def _new_events(self) -> Iterator[dict[str, Any]]:
        """Events since the last time; the tally knows those so far, and none that are yet to come."""
        self._pending += self._file.read()
        *lines, self._pending = self._pending.split("\n")
        for line in lines:
            event = parse_event(line)
            if event is not None:
                self.tally.apply(event)
                yield event

    def events(self, sleep: Callable[[float], None] = time.sleep) -> Iterator[dict[str, Any]]:
        """Every event from now on, until the campaign ends or its process does."""
        while True:
            # Asked first: what it wrote before it ended is then read for certain.
            running = self.is_running()
            for event in self._new_events():
                yield event
                if event["event"] == "end":
                    return
            if not running:
                return
            sleep(POLL_S)

    def is_running(self) -> bool:
        """Whether a process runs the campaign; on a store that cannot lock nobody can tell, and it says no."""
        return is_running(self._store, self._name)
