"""What everything that measures holds from its beginning to its end: the device, and a place in the store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from latency_bench.devices.device import Device
from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.opening import open_device
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.room import require_room
from latency_bench.harness.store.errors import RunExistsError, StoreError
from latency_bench.harness.store.spool import keep
from latency_bench.harness.store.writer import RunWriter

Opened = TypeVar("Opened", bound="OpenRun")


class OpenRun:
    """Use as a context manager; what is not stored leaves nothing."""

    def __init__(self, device: Device, store: Path, store_folder: str, run_id: str, most_bytes: int) -> None:
        """`store_folder`: the folder of the store, below the device's, that the run belongs in; `most_bytes`: what it
        can take there."""
        self._device = device
        self._store = store
        self._store_folder = store_folder
        self._run_id = run_id
        self._most_bytes = most_bytes
        self._open = ExitStack()
        self._session: DeviceSession
        self._writer: RunWriter
        self._outputs: Path

    def __enter__(self: Opened) -> Opened:
        with ExitStack() as opening:
            self._session = opening.enter_context(open_device(self._device))
            # Before anything is measured: a store that cannot be written to is no place for hours of work.
            self._writer = opening.enter_context(self._new_writer(self._store))
            require_room(self._store, self._most_bytes)
            self._outputs = opening.enter_context(TemporaryFolder("outputs"))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def store_by(self, write: Callable[[RunWriter], Path]) -> Path:
        """Have `write` store the run, and return its place. Where the store does not take it after all, it is written
        into the spool instead, and the StoreError says so."""
        try:
            return write(self._writer)
        except RunExistsError:
            raise
        except StoreError as error:
            raise keep(self._store, error, lambda spool: self._write_into(spool, write)) from error

    def _write_into(self, store: Path, write: Callable[[RunWriter], Path]) -> None:
        with self._new_writer(store) as writer:
            write(writer)

    def _new_writer(self, store: Path) -> RunWriter:
        return RunWriter(store, self._device.name, self._store_folder, self._run_id)

    def lock_device(self, what: str) -> None:
        """Have the device alone until this run is left. Raises DeviceBusyError, DeviceError."""
        self._session.lock(what)
