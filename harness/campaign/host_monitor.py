"""Which hosts of a cluster are there: told to the campaign as it changes, so that a wait has a name."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

from latency_bench.devices.errors import UnreachableError
from latency_bench.harness.campaign.connection import Connection, StoppedError
from latency_bench.harness.campaign.host import DEVICE_PREFIX, NAME_SEPARATOR
from latency_bench.harness.campaign.watcher import Watcher

LOOK_S = 5.0
SILENT_S = 30.0
"""A host says that it lives every 5 s; one that said nothing for so long may be frozen, or its link cut."""

HostState = Literal["here", "silent", "gone"]


class HostMonitor:
    """Asks the scheduler now and then, in a thread of its own. Use as a context manager."""

    def __init__(self, connection: Connection, watcher: Watcher) -> None:
        self._connection = connection
        self._watcher = watcher
        self._told: dict[str, tuple[tuple[str, ...], HostState]] = {}
        self._seen: dict[str, tuple[Any, float]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="campaign-hosts", daemon=True)

    def __enter__(self) -> HostMonitor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def _run(self) -> None:
        while True:
            # A scheduler that is away is said by whoever waits for an answer of it.
            with contextlib.suppress(UnreachableError, StoppedError, OSError):
                self.look()
            if self._over.wait(LOOK_S):
                return

    def look(self) -> None:
        """Ask once, and tell what changed. Raises UnreachableError, StoppedError, OSError."""
        info = self._connection.client().scheduler_info(n_workers=-1)
        if "workers" not in info:  # a client that is connecting or was closed in between has asked nobody yet
            return
        there = self._states(info["workers"])
        for name, (devices, state) in there.items():
            if self._told.get(name) != (devices, state):
                self._tell(name, devices, state)
        for name in self._told.keys() - there.keys():
            devices, state = self._told[name]
            if state != "gone":
                self._tell(name, devices, "gone")

    def _tell(self, name: str, devices: tuple[str, ...], state: HostState) -> None:
        self._told[name] = devices, state
        self._watcher.host_changed(name, devices, state)

    def _states(self, workers: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[tuple[str, ...], HostState]]:
        """By host: its devices, and whether any of its processes was heard of lately."""
        now = time.monotonic()
        devices: dict[str, set[str]] = {}
        heard: dict[str, bool] = {}
        for address, one in workers.items():
            name = str(one["name"]).partition(NAME_SEPARATOR)[0]
            if self._seen.get(address, (None, now))[0] != one["last_seen"]:
                self._seen[address] = one["last_seen"], now
            lives = now - self._seen[address][1] < SILENT_S
            names = {key.removeprefix(DEVICE_PREFIX) for key in one["resources"] if key.startswith(DEVICE_PREFIX)}
            devices[name] = devices.get(name, set()) | names
            heard[name] = heard.get(name, False) or lives
        return {name: (tuple(sorted(found)), "here" if heard[name] else "silent") for name, found in devices.items()}
